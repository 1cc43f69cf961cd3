namespace Dass.Grid.Chaos.Notify;

/// <summary>What the drill asks for: rules that all events are for.</summary>
internal static class NotifyRules
{
    public static readonly IReadOnlyList<string> All = ["all", "yards"];

    public static string Text(int port, string file) => $$"""
        {
          "destinations": {
            "hook": { "webhook": "http://127.0.0.1:{{port}}/", "timeout": "2s" },
            "log": { "file": "{{file}}" }
          },
          "rules": [
            { "name": "all", "to": ["hook", "log"] },
            { "name": "yards", "prefix": "yard-", "to": "hook" }
          ]
        }
        """;
}
