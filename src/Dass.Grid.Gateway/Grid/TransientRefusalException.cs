using Dass.Grid.Gateway.Protocol;

namespace Dass.Grid.Gateway.Grid;

/// <summary>A refusal by where the stream is or how it stands, not by what the client did wrong.</summary>
internal sealed class TransientRefusalException(Refusal refusal) : Exception(refusal.Message)
{
    public Refusal Refusal => refusal;

    /// <summary>
    /// The value; a refusal that another silo or a later moment may not give is thrown as <see cref="TransientRefusalException"/>.
    /// </summary>
    public static T OrThrow<T>(Outcome<T> outcome)
        where T : class
    {
        if (outcome.Has(out var value, out var refusal))
        {
            return value;
        }
        var isTransient = refusal.Code
            is RefusalCode.Moved or RefusalCode.PositionGap or RefusalCode.UnknownStream or RefusalCode.NoFreeSlot or RefusalCode.Busy;
        throw isTransient
            ? new TransientRefusalException(refusal)
            : StatusMapping.FromRefusal(refusal);
    }

    /// <summary>The outcome; that of a silo which cannot have the stream is thrown: the next one may.</summary>
    public static Outcome<T> IfMoved<T>(Outcome<T> outcome)
        where T : class =>
        outcome.Refusal is { Code: RefusalCode.Moved } moved ? throw new TransientRefusalException(moved) : outcome;
}
