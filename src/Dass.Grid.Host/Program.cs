using Dass.Grid.Host;
using Microsoft.Extensions.Options;

if (args is ["hash-key"])
{
    return HashKeyCommand.Run(Console.In, Console.Out, Console.Error);
}
try
{
    await GridHost.Build(args).RunAsync();
    return 0;
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
