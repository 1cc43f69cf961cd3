using Dass.Grid.Gateway.Tenants;
using Dass.Grid.Host;

namespace Dass.Grid.Cluster.Tests.Tenants;

public sealed class KeyHashTests
{
    private const string Key = "correct-horse-battery";

    [Fact]
    public void A_key_matches_its_own_hash_and_no_other_key_does()
    {
        var hash = KeyHash.Create(Key);
        Assert.True(hash.Matches(Key));
        Assert.False(hash.Matches(Key + " "));
        Assert.False(hash.Matches(""));
    }

    [Fact]
    public void A_hash_survives_its_written_form()
    {
        var text = KeyHash.Create(Key).ToString();
        Assert.Matches("^sha256:[0-9a-f]{32}:[0-9a-f]{64}$", text);
        Assert.True(KeyHash.Parse(text)!.Matches(Key));
    }

    [Fact]
    public void The_written_form_is_salt_and_sha256_of_salt_and_key()
    {
        // printf '\x00…\x0f' followed by the key, through sha256sum
        const string Text = "sha256:000102030405060708090a0b0c0d0e0f:d9bb03424f0e08d5f19415e9cd7ef5763f1007d6c43b2118ca479f0fbba7ac4b";
        Assert.True(KeyHash.Parse(Text)!.Matches(Key));
    }

    [Fact]
    public void Two_hashes_of_one_key_differ() => Assert.NotEqual(KeyHash.Create(Key).ToString(), KeyHash.Create(Key).ToString());

    [Theory]
    [InlineData("")]
    [InlineData("correct-horse-battery")]
    [InlineData("sha256:00:00")]
    [InlineData("md5:000102030405060708090a0b0c0d0e0f:0000000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("sha256:zz0102030405060708090a0b0c0d0e0f:0000000000000000000000000000000000000000000000000000000000000000")]
    public void Another_form_is_no_hash(string text) => Assert.Null(KeyHash.Parse(text));

    [Fact]
    public void The_hash_key_command_prints_a_hash_and_refuses_a_short_key()
    {
        var (output, errors) = (new StringWriter(), new StringWriter());
        Assert.Equal(0, HashKeyCommand.Run(new StringReader(Key + "\n"), output, errors));
        Assert.True(KeyHash.Parse(output.ToString().Trim())!.Matches(Key));

        Assert.Equal(2, HashKeyCommand.Run(new StringReader("short"), output, errors));
        Assert.Contains("5 characters; at least 16", errors.ToString(), StringComparison.Ordinal);
    }
}
