namespace Dass.Grid.Grains.Sessions;

/// <summary>A client that comes back to a stream must ask for the same one.</summary>
internal static class StreamShapeRules
{
    /// <summary>Null when every given field equals the stream's.</summary>
    public static Refusal? Differs(StreamId id, StreamShape has, StreamSpec wants)
    {
        var differences = new List<string>();
        void Compare(string field, object? wanted, object value)
        {
            if (wanted is not null && !wanted.Equals(value))
            {
                differences.Add($"{field} is {wanted}, the stream has {value}");
            }
        }
        Compare("format.encoding", wants.Format?.Encoding, has.Format.Encoding);
        Compare("format.sample_rate_hz", wants.Format?.SampleRateHz, has.Format.SampleRateHz);
        Compare("format.channels", wants.Format?.Channels, has.Format.Channels);
        Compare("format.channel", wants.Format?.Channel, has.Format.Channel);
        Compare("format.gain_db", wants.Format?.GainDb, has.Format.GainDb);
        Compare("format.automatic_gain", wants.Format?.AutomaticGain, has.Format.AutomaticGain);
        if (!wants.SwitchModel && (wants.Alias is null || wants.Alias != has.Alias))
        {
            Compare("model", wants.Model, has.Model.Name);
        }
        Compare("chunk", wants.Chunk, has.Chunk);
        Compare("look_ahead", wants.LookAhead, has.LookAhead);
        return differences.Count == 0
            ? null
            : new Refusal(RefusalCode.ShapeDiffers, $"stream '{id.Name}' is live in another shape: {string.Join("; ", differences)}.");
    }
}
