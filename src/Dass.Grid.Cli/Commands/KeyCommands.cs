using System.CommandLine;
using System.Security.Cryptography;
using Dass.Grid.Cli.CommandLine;
using Dass.Grid.Cli.Output;
using Dass.Grid.Gateway.Tenants;

namespace Dass.Grid.Cli.Commands;

/// <summary><c>dass key new</c> and <c>dass hash-key</c>: keys of tenants and administrators that stand in the configuration.</summary>
internal static class KeyCommands
{
    private const int KeyBytes = 24;

    public static Command Key()
    {
        var create = new Command("new", "Prints a new key; its line for Tenants:NAME:KeyHashes or Admin:KeyHashes goes to standard error.");
        create.SetAction(_ =>
        {
            var key = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(KeyBytes));
            Terminal.Note($"the settings need its hash, {KeyHash.Create(key)}");
            Console.Out.WriteLine(key);
            return Invocation.Success;
        });
        return new Command("key", "Keys for the settings of a grid. A running grid makes keys by 'dass admin'.") { create };
    }

    public static Command Hash()
    {
        var command = new Command("hash-key", "Reads a key from standard input and prints its line for the settings.");
        command.SetAction(_ =>
        {
            try
            {
                Console.Out.WriteLine(KeyHash.Create((Console.In.ReadLine() ?? "").Trim()));
                return Invocation.Success;
            }
            catch (ArgumentException rule)
            {
                throw new UsageException(rule.Message.Split(" (Parameter")[0]);
            }
        });
        return command;
    }
}
