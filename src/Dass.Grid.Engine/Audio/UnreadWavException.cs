namespace Dass.Grid.Engine.Audio;

/// <summary>A WAV file as it should be, of a kind that only ffmpeg reads.</summary>
/// <param name="message">Field, value and what is read without ffmpeg.</param>
/// <param name="isReshaped">Whether ffmpeg has to give it another rate.</param>
internal sealed class UnreadWavException(string message, bool isReshaped) : AudioFormatException(message)
{
    public bool IsReshaped => isReshaped;
}
