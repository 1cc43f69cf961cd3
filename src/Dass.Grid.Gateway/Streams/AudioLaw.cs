using Dass.Grid.V1;

namespace Dass.Grid.Gateway.Streams;

/// <summary>The order of one call's messages after its configuration, and the positions of its audio.</summary>
internal sealed class AudioLaw(long nextSample, int bytesPerFrame)
{
    private long? _expected;
    private bool _finished;

    /// <summary>Audio with its position, or null for the finish.</summary>
    /// <exception cref="RpcException">The message breaks a rule of the protocol.</exception>
    public AudioBlock? Accept(StreamRequest request)
    {
        if (_finished)
        {
            throw ProtocolErrors.AfterFinish(request.RequestCase.ToString().ToLowerInvariant());
        }
        switch (request.RequestCase)
        {
            case StreamRequest.RequestOneofCase.Audio:
                return Place(request.Audio);
            case StreamRequest.RequestOneofCase.Finish:
                _finished = true;
                return null;
            case StreamRequest.RequestOneofCase.Config:
                throw ProtocolErrors.ConfigTwice();
            default:
                throw ProtocolErrors.EmptyMessage();
        }
    }

    private AudioBlock Place(Audio audio)
    {
        if (audio.Data.IsEmpty)
        {
            throw ProtocolErrors.EmptyAudio("audio.data");
        }
        if (audio.Data.Length % bytesPerFrame != 0)
        {
            throw ProtocolErrors.TornFrame(audio.Data.Length, bytesPerFrame);
        }
        var first = audio.HasFirstSample ? audio.FirstSample : _expected ?? nextSample;
        if (first < 0)
        {
            throw ProtocolErrors.NegativePosition(first);
        }
        // A call's first audio may begin anywhere: the grain cuts off what it has, and refuses a gap.
        if (_expected is { } expected && first != expected)
        {
            throw ProtocolErrors.NotContiguous(first, expected);
        }
        _expected = first + audio.Data.Length / bytesPerFrame;
        return new AudioBlock(first, audio.Data.Memory);
    }
}
