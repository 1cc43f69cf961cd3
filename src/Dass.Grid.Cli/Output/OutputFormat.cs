namespace Dass.Grid.Cli.Output;

public enum OutputFormat
{
    Table,
    Json,
    Csv,
}
