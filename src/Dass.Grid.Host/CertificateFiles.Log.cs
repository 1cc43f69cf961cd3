namespace Dass.Grid.Host;

internal sealed partial class CertificateFiles
{
    [LoggerMessage(LogLevel.Information, "The certificate in {File} has changed and is used from now on.")]
    private partial void LogRead(string file);

    [LoggerMessage(LogLevel.Error, "The certificate stays as it was. {Problem}")]
    private partial void LogUnusable(string problem);
}
