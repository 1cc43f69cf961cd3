using Dass.Grid.Cli.Sources;

namespace Dass.Grid.Cluster.Tests.Cli;

/// <summary>What people see of a source.</summary>
public sealed class SourceSpecTests
{
    [Theory]
    [InlineData("rtsp://10.0.0.9/stream1", "rtsp://10.0.0.9/stream1")]
    [InlineData("rtsp://admin:secret@10.0.0.9:554/stream1", "rtsp://10.0.0.9:554/stream1")]
    [InlineData("rtsp://admin:secret^ä #@camera/stream@1", "rtsp://camera/stream@1")]
    [InlineData("rtsp://admin:sec/ret@camera/1", "rtsp://camera/1")]
    [InlineData("rtsp://admin:sec@ret@camera/1", "rtsp://camera/1")]
    [InlineData("http://camera/audio?user=admin&pwd=secret", "http://camera/audio?…")]
    [InlineData("rtsp://camera:554/a:b@c", "rtsp://camera:554/a:b@c")]
    public void No_password_is_shown_or_quoted(string address, string shown)
    {
        var source = new SourceSpec { Id = "yard", Kind = SourceKind.Url, Address = address };
        Assert.Equal(shown, source.Shown);
        Assert.Equal($"{shown}: Connection refused", source.WithoutPassword($"{address}: Connection refused"));
        Assert.Equal("[tcp] Connection to rtsp://x/ failed", source.WithoutPassword("[tcp] Connection to rtsp://u:secret@x/ failed"));
    }
}
