using Dass.Grid.Engine;
using Microsoft.Extensions.Options;

namespace Dass.Grid.Host;

/// <summary>The host's executable.</summary>
internal static class HostProgram
{
    /// <returns>The exit code: 0 done, 1 failed, 2 the configuration cannot be used.</returns>
    public static async Task<int> RunAsync(string[] args)
    {
        if (args is ["hash-key"])
        {
            return HashKeyCommand.Run(Console.In, Console.Out, Console.Error);
        }
        try
        {
            await using var app = GridHost.Build(args);
            GridPorts.RequireFree(app);
            await app.RunAsync();
            return 0;
        }
        catch (Exception known) when (known is IOException or ModelLoadException or CertificateException)
        {
            Console.Error.WriteLine(known.Message);
            return 1;
        }
        catch (OptionsValidationException invalid)
        {
            Console.Error.WriteLine("The configuration cannot be used:");
            foreach (var failure in invalid.Failures)
            {
                Console.Error.WriteLine($"  {failure}");
            }
            return 2;
        }
    }
}
