using Dass.Grid.Gateway.Protocol;
using Grpc.Core;
using Microsoft.AspNetCore.Http;

namespace Dass.Grid.Cluster.Tests.Web;

public sealed class HttpRefusalTests
{
    [Theory]
    [InlineData(StatusCode.InvalidArgument, 400)]
    [InlineData(StatusCode.Unimplemented, 501)]
    [InlineData(StatusCode.Unavailable, 503)]
    [InlineData(StatusCode.DeadlineExceeded, 504)]
    [InlineData(StatusCode.Internal, 500)]
    public async Task A_code_of_gRPC_is_the_status_that_single_calls_have(StatusCode code, int status)
    {
        var http = new DefaultHttpContext();
        await HttpRefusals.AnswerAsync(http, new RpcException(new Status(code, "")));
        Assert.Equal(status, http.Response.StatusCode);
    }
}
