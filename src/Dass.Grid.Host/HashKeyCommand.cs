using Dass.Grid.Gateway.Tenants;

namespace Dass.Grid.Host;

/// <summary><c>hash-key</c>: reads an API key from standard input and prints the line for <c>Tenants:&lt;name&gt;:KeyHashes</c>.</summary>
internal static class HashKeyCommand
{
    public static int Run(TextReader input, TextWriter output, TextWriter errors)
    {
        try
        {
            output.WriteLine(KeyHash.Create((input.ReadLine() ?? "").Trim()));
            return 0;
        }
        catch (ArgumentException rule)
        {
            errors.WriteLine(rule.Message);
            return 2;
        }
    }
}
