using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Notify.Delivery;

namespace Dass.Grid.Cluster.Tests.Notices;

/// <summary>The environment is the whole process's: other tests' clients would take its key for their own.</summary>
[Collection(AloneCollection.Name)]
public sealed class CommandSecretTests
{
    [Fact]
    public async Task A_command_does_not_get_the_key_of_the_grid()
    {
        var output = Path.GetTempFileName();
        Environment.SetEnvironmentVariable("DASS_API_KEY", "secret");
        try
        {
            Assert.Equal(
                DeliveryOutcome.Delivered,
                await DestinationTests.SendAsync(
                    DestinationTests.Command("/bin/sh", "-c", "echo \"$DASS_LABEL|$DASS_API_KEY\" > $1", "sh", output)));
            Assert.Equal("Dog|", Assert.Single(File.ReadAllLines(output)));
        }
        finally
        {
            Environment.SetEnvironmentVariable("DASS_API_KEY", null);
            File.Delete(output);
        }
    }
}
