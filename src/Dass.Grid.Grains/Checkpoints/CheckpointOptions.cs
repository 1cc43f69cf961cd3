using Microsoft.Extensions.Options;

namespace Dass.Grid.Grains.Checkpoints;

/// <summary>When a stream's state is written, and how much of its past with it. Section <c>Grid:Streams</c>.</summary>
public sealed class CheckpointOptions
{
    /// <summary>How often a stream's state is written to the store, a third more or less at random. Default: 45 seconds.</summary>
    public TimeSpan CheckpointInterval { get; set; } = TimeSpan.FromSeconds(45);

    /// <summary>How soon a checkpoint that the store did not take is tried again. Default: 5 seconds.</summary>
    public TimeSpan CheckpointRetry { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Chunks of tags that a checkpoint keeps; about 4 kB each with 527 labels. Default: 64.</summary>
    public int CheckpointChunks { get; set; } = 64;
}

internal sealed class CheckpointOptionsValidator : IValidateOptions<CheckpointOptions>
{
    public ValidateOptionsResult Validate(string? name, CheckpointOptions options)
    {
        var rules = new OptionRules();
        rules.Timer($"Grid:Streams:{nameof(options.CheckpointInterval)}", options.CheckpointInterval);
        rules.Timer($"Grid:Streams:{nameof(options.CheckpointRetry)}", options.CheckpointRetry);
        rules.AtLeast($"Grid:Streams:{nameof(options.CheckpointChunks)}", options.CheckpointChunks, 0);
        return rules.Result;
    }
}
