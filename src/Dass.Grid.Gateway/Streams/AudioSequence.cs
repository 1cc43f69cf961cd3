using Dass.Grid.Gateway.Protocol;
using Dass.Grid.V1;

namespace Dass.Grid.Gateway.Streams;

/// <summary>Audio in a call's order.</summary>
/// <param name="Audio">With its position.</param>
/// <param name="AfterLoss">The client has lost what the stream lacks before it.</param>
internal readonly record struct Arrival(AudioBlock Audio, bool AfterLoss)
{
    /// <summary>When it came, as the clock's timestamp.</summary>
    public long At { get; init; }
}

/// <summary>The order of one call's messages after its configuration, and the positions of its audio.</summary>
/// <param name="nextSample">Where the stream goes on.</param>
/// <param name="bytesPerFrame">Of the stream's format.</param>
/// <param name="maxFilled">Lost samples that the model hears as silence.</param>
internal sealed class AudioSequence(long nextSample, int bytesPerFrame, long maxFilled = 0)
{
    /// <summary>46 years at 192 kHz, 1,115 at 8 kHz: far enough from where positions and times overflow.</summary>
    public const long MaxLostSample = 1L << 48;

    private long? _expected;
    private bool _finished;

    /// <summary>Audio with its position, or null for the finish.</summary>
    /// <exception cref="RpcException">The message breaks a rule of the protocol.</exception>
    public Arrival? Accept(StreamRequest request)
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

    private Arrival Place(Audio audio)
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
        if (audio.AfterLoss && (!audio.HasFirstSample || first > MaxLostSample))
        {
            throw ProtocolErrors.AfterLoss(audio.HasFirstSample ? first : null, MaxLostSample);
        }
        // A call's first audio may begin anywhere: the grain cuts off what it has, and refuses a gap.
        if (_expected is { } expected && first != expected && !(audio.AfterLoss && first > expected))
        {
            throw ProtocolErrors.NotContiguous(first, expected);
        }
        var lost = audio.AfterLoss ? first - (_expected ?? nextSample) : 0;
        _expected = first + audio.Data.Length / bytesPerFrame;
        var filled = lost > 0 && lost <= maxFilled ? lost : 0;
        return new Arrival(new AudioBlock(first, audio.Data.Memory) { LostBefore = filled }, AfterLoss: lost > maxFilled);
    }
}
