using Dass.Grid.Cli.Output;
using Dass.Grid.Engine.Audio;
using AudioFormat = Dass.Grid.V1.AudioFormat;

namespace Dass.Grid.Cli.Grid;

/// <summary>The bytes of a source, for a tape.</summary>
internal sealed class AudioSourceStream(IAudioSource source) : OneWayStream
{
    public override bool CanRead => true;

    /// <summary>A format as the protocol writes it.</summary>
    public static AudioFormat WireFormat(Dass.Grid.Engine.Audio.AudioFormat format) => new()
    {
        Encoding = (V1.Encoding)((int)format.Encoding + 1), // the protocol reserves 0
        SampleRateHz = format.SampleRateHz,
        Channels = format.Channels,
        Channel = format.Channel,
        GainDb = format.GainDb,
        AutomaticGain = format.AutomaticGain,
    };

    /// <param name="buffer">Room for at least one frame.</param>
    /// <param name="cancellationToken">Stops the read.</param>
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        source.ReadAsync(buffer, cancellationToken);

    public override ValueTask DisposeAsync() => source.DisposeAsync();
}
