namespace Dass.Grid.Tests;

/// <summary>
/// A test that needs a program which is not a part of this repository. On a machine without it the test is skipped, and the run says so at
/// its end, with the packages that bring it; where the variable CI is set its absence is a mistake, and the test fails.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
public class NeedsFactAttribute : FactAttribute
{
    /// <param name="program">Name, searched for in PATH, or full path; several are separated by blanks.</param>
    /// <param name="packages">Of Debian, which bring the program.</param>
    public NeedsFactAttribute(string program, string packages)
    {
        if (Environment.GetEnvironmentVariable("CI") is not null || program.Split(' ').All(IsInstalled))
        {
            return;
        }
        Skip = $"{program} is missing: install {packages}";

        // tests/Directory.Build.targets prints this file when the project's tests have run.
        File.AppendAllText(Path.Combine(AppContext.BaseDirectory, "skipped.txt"), $"{Skip}\n");
    }

    private static bool IsInstalled(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
            .Any(folder => File.Exists(Path.Combine(folder, program)));
}
