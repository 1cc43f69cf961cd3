using System.Net;

namespace Dass.Grid.Host;

internal sealed partial class SiloTls
{
    [LoggerMessage(
        LogLevel.Warning,
        "A process at {Address} was refused at the silo port: it came without TLS, or without a certificate that Grid:SiloAuthority has "
        + "signed.")]
    private partial void LogRefused(EndPoint? address);

    [LoggerMessage(
        LogLevel.Warning,
        "The process at {Address} cannot be reached at its silo port: it answers without TLS, or with a certificate that "
        + "Grid:SiloAuthority has not signed.")]
    private partial void LogUnreachable(EndPoint? address);

    [LoggerMessage(LogLevel.Warning, "The certificate {Subject} of another process is not one of this grid's: {Problem}.")]
    private partial void LogForeign(string subject, string problem);
}
