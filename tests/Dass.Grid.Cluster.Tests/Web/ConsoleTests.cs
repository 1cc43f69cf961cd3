using System.Diagnostics;
using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Contracts;
using Dass.Grid.Gateway.Tenants;
using Dass.Grid.Host;
using Dass.Grid.Tests;

namespace Dass.Grid.Cluster.Tests.Web;

/// <summary>The page in a real browser, on a grid with the built-in model.</summary>
public sealed class ConsoleTests : IAsyncLifetime
{
    private const string AnnesKey = "anne-0123456789abcdef";
    private const string AdminKey = "admin-0123456789abcdef";

    /// <summary>Of audio, from the end of the chunk that opens an event to the event on the page: look-ahead, steps and the page.</summary>
    private const double DelayBudgetSeconds = 0.64 + 10; // this machine runs other things besides

    private const string Axe = "axe-core@4.14.1";

    private readonly StoreFolder _store = new();

    public Task InitializeAsync() => Task.CompletedTask;

    public Task DisposeAsync()
    {
        _store.Dispose();
        return Task.CompletedTask;
    }

    [NeedsFact(Chromium.Program, "chromium")]
    public async Task A_sound_at_the_microphone_is_an_event_on_the_page_within_its_delay()
    {
        await using var grid = await StartAsync();
        await using var browser = await Chromium.StartAsync(Cli.Dass.Babble);
        await browser.OpenAsync(View(grid, "try"));
        await browser.PressAsync("Use the microphone");
        // How much audio the page had sent when the event was there: the clock of this comparison is the audio itself.
        await browser.EvaluateAsync("globalThis.seen = null; new MutationObserver(() => { "
            + "const line = [...document.querySelectorAll('.log li')].find(each => each.textContent.includes('Speech')); "
            + "if (line && seen === null) { seen = { text: line.textContent, at: performance.now() }; } "
            + "}).observe(document.getElementById('view'), { childList: true, subtree: true, characterData: true }); "
            + "globalThis.began = performance.now();");
        await browser.UntilAsync("seen");
        var waited = (await browser.EvaluateAsync("(seen.at - began) / 1000")).GetDouble();
        Assert.InRange(waited, 0, 2 * 0.96 + DelayBudgetSeconds);

        // The grid's own spectrogram is drawn, not a black box.
        await browser.UntilAsync("""
            (() => {
              const canvas = document.querySelector("canvas.spectrum");
              const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
              return new Set(data).size > 30;
            })()
            """);
        await browser.PressAsync("Stop");
        await browser.UntilAsync("/Heard \\d.* chunks/.test(document.body.innerText)");
        Assert.Empty(browser.Errors);
    }

    [NeedsFact(Chromium.Program, "chromium")]
    public async Task A_browser_that_connects_a_microphone_at_its_own_rate_only_is_heard_too_and_one_that_lends_none_keeps_none()
    {
        await using var grid = await StartAsync();
        await using var browser = await Chromium.StartAsync(Cli.Dass.Babble);
        await browser.OpenAsync(View(grid, "try"));
        await browser.EvaluateAsync("""
            globalThis.tracks = [];
            const lend = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
            navigator.mediaDevices.getUserMedia = async wish => {
              const media = await lend(wish);
              tracks.push(...media.getTracks());
              return media;
            };
            const connect = AudioContext.prototype.createMediaStreamSource;
            AudioContext.prototype.createMediaStreamSource = function (media) {
              if (globalThis.broken || this.sampleRate === 16_000) {
                throw new DOMException("of another rate", "NotSupportedError");
              }
              return connect.call(this, media);
            };
            globalThis.broken = true;
            """);
        await browser.PressAsync("Use the microphone");
        await browser.UntilAsync("/lends no microphone: of another rate/.test(document.body.innerText)");
        await browser.UntilAsync("tracks.length === 1 && tracks.every(track => track.readyState === 'ended')");

        await browser.EvaluateAsync("globalThis.broken = false");
        await browser.PressAsync("Use the microphone");
        await browser.UntilAsync("[...document.querySelectorAll('.log li')].some(each => each.textContent.includes('Speech'))");
        await browser.PressAsync("Stop");
        await browser.UntilAsync("/Heard \\d.* chunks/.test(document.body.innerText)");
        await browser.UntilAsync("tracks.every(track => track.readyState === 'ended')");
        Assert.Empty(browser.Errors);
    }

    [NeedsFact(Chromium.Program, "chromium")]
    public async Task A_file_that_is_chosen_is_heard_to_its_end()
    {
        await using var grid = await StartAsync();
        await using var browser = await Chromium.StartAsync();
        await browser.OpenAsync(View(grid, "try"));
        await browser.ShowsAsync("Drop a recording");
        var audio = Convert.ToBase64String(await File.ReadAllBytesAsync(Cli.Dass.Babble));
        await browser.EvaluateAsync($$"""
            (() => {
              const bytes = Uint8Array.from(atob("{{audio}}"), letter => letter.charCodeAt(0));
              const files = new DataTransfer();
              files.items.add(new File([bytes], "babble.wav", { type: "audio/wav" }));
              const drop = new DragEvent("drop", { dataTransfer: files, bubbles: true, cancelable: true });
              document.querySelector(".drop").dispatchEvent(drop);
            })()
            """);
        await browser.ShowsAsync("Heard 15 s in 16 chunks");
        await browser.ShowsAsync("Speech");

        // And it is among the kept events, which the page lists newest first.
        await browser.OpenAsync(View(grid, "events"));
        await browser.UntilAsync(
            "[...document.querySelectorAll('.events-table tbody tr')].some(row => row.textContent.includes('Speech'))");
        await browser.UntilAsync("document.querySelector('.heat tbody th').textContent.length > 0");
        Assert.Empty(browser.Errors);
    }

    [NeedsFact(Chromium.Program, "chromium")]
    public async Task The_page_and_its_microphone_outlive_their_gateway()
    {
        var grid = await StartAsync();
        var port = $"{grid.HttpAddress!.GetLeftPart(UriPartial.Authority)}";
        await using var browser = await Chromium.StartAsync(Cli.Dass.Babble);
        await browser.OpenAsync(View(grid, "try"));
        await browser.PressAsync("Use the microphone");
        await browser.UntilAsync("document.querySelector('.bars li')");
        await grid.DisposeAsync();
        await browser.ShowsAsync("The connection is lost");

        grid = await StartAsync(("Grid:HttpListen", port));
        try
        {
            await browser.ShowsAsync("Listening.");
            await browser.PressAsync("Stop");
            await browser.UntilAsync("/Heard \\d.* chunks/.test(document.body.innerText)");
            Assert.Equal(0, (await browser.EvaluateAsync("document.querySelectorAll('.problem').length")).GetInt32());
            // Nothing of what the microphone gave while there was no gateway is missing.
            var stream = Assert.Single(await grid.Grains.GetGrain<ITenantGrain>("default").List("", 10));
            await browser.OpenAsync(View(grid, $"stream/{stream.Name}"));
            await browser.ShowsAsync("ended");
            Assert.True((await browser.EvaluateAsync("!document.body.innerText.includes('A gap of')")).GetBoolean());

            // A view that was open takes up what comes next.
            await browser.OpenAsync(View(grid, "now"));
            await browser.ShowsAsync("Live");
            await grid.DisposeAsync();
            await browser.ShowsAsync("Connection lost");
            grid = await StartAsync(("Grid:HttpListen", port));
            await browser.UntilAsync("document.getElementById('status').textContent === 'Live'");
        }
        finally
        {
            await grid.DisposeAsync();
        }
        // The browser itself tells of what was refused meanwhile, by no gateway or by one that starts; the page has nothing to add.
        Assert.All(browser.Errors, error => Assert.Matches("ERR_|status of 503", error));
    }

    [NeedsFact(Chromium.Program, "chromium")]
    public async Task A_key_opens_what_is_its_tenants_and_an_admin_key_the_grid()
    {
        await using var grid = await StartAsync(
            ("Tenants:anne:KeyHashes:0", KeyHash.Create(AnnesKey).ToString()), ("Admin:KeyHashes:0", KeyHash.Create(AdminKey).ToString()));
        await using var browser = await Chromium.StartAsync();
        await browser.OpenAsync(View(grid, "now"));
        await browser.ShowsAsync("This grid needs a key");
        Assert.Empty(browser.Errors);

        await browser.PressAsync("Enter a key");
        await browser.TypeAsync("a wrong one");
        await browser.EvaluateAsync("document.querySelector('dialog form').requestSubmit()");
        await browser.ShowsAsync("belongs to no tenant");
        await browser.EvaluateAsync("document.querySelector('dialog input').value = ''");
        await browser.TypeAsync(AnnesKey);
        await browser.EvaluateAsync("document.querySelector('dialog form').requestSubmit()");
        await browser.ShowsAsync("No stream is live");
        await browser.ShowsAsync("Log out anne");
        Assert.DoesNotContain("anne-0", $"{await browser.EvaluateAsync("document.cookie + JSON.stringify(localStorage)")}");

        await browser.EvaluateAsync("location.hash = '#/grid'");
        await browser.ShowsAsync("For administrators");
        await browser.PressAsync("Enter a key");
        await browser.TypeAsync(AdminKey);
        await browser.EvaluateAsync("document.querySelector('dialog form').requestSubmit()");
        await browser.UntilAsync("document.querySelectorAll('.silos li').length === 1");
        await browser.PressAsync("Log out anne + admin");
        await browser.ShowsAsync("For administrators");
    }

    [NeedsFact(Chromium.Program, "chromium")]
    public async Task An_administrator_drains_a_silo_and_calls_it_off()
    {
        await using var grid = await StartAsync();
        await using var silo = await EmbeddedGrid.StartAsync(
            _store.Settings(("Grid:Role", "silo"), ("Grid:PrimarySilo", $"127.0.0.1:{grid.SiloPort}")), configure: null);
        await using var browser = await Chromium.StartAsync();
        await browser.OpenAsync(View(grid, "grid"));
        await browser.UntilAsync("document.querySelectorAll('.silos li').length === 2");
        var name = (await browser.EvaluateAsync("document.querySelector('.silos h3').textContent")).GetString()!;
        await browser.PressAsync($"Drain: {name}");
        await browser.ShowsAsync("Drain this silo?");
        await browser.PressAsync("Drain");
        await browser.ShowsAsync("draining");
        await browser.PressAsync($"Take streams again: {name}");
        await browser.UntilAsync("!document.querySelector('.silos').innerText.includes('draining')");
        Assert.Empty(browser.Errors);
    }

    [NeedsFact($"{Chromium.Program} npm", "chromium npm")]
    public async Task No_view_breaks_a_rule_of_accessibility()
    {
        var axe = await File.ReadAllTextAsync(await InstallAxeAsync());
        await using var grid = await StartAsync();
        await using var browser = await Chromium.StartAsync(Cli.Dass.Babble);
        await browser.OpenAsync(View(grid, "try"));
        await browser.PressAsync("Use the microphone");
        await browser.UntilAsync("document.querySelector('.log b')");
        var stream = (await browser.EvaluateAsync("document.querySelector('#view h2 a').textContent")).GetString()!;
        await browser.PressAsync("Stop");
        await browser.ShowsAsync("Heard");
        await AssertCleanAsync("try");
        foreach (var view in new[] { "now", $"stream/{stream}", "events", "grid" })
        {
            foreach (var (width, scheme) in new[] { (1280, "light"), (1280, "dark"), (390, "light"), (390, "dark") })
            {
                await browser.OpenAsync(View(grid, view), width, 850, scheme);
                await browser.UntilAsync("document.querySelector('#view h1')");
                await browser.UntilAsync("document.querySelector('.streams li, .names button, .events-table tbody tr, .silos li')");
                await AssertCleanAsync($"{view} {width} {scheme}");
            }
        }
        Assert.Empty(browser.Errors);

        async Task AssertCleanAsync(string where)
        {
            await browser.EvaluateAsync(axe);
            var violations = await browser.EvaluateAsync("axe.run(document, { resultTypes: ['violations'] })"
                + ".then(result => result.violations.map("
                + "each => `${each.id}: ${each.help}: ${each.nodes.map(node => node.html).join(' ')}`))");
            Assert.True(violations.GetArrayLength() == 0, $"{where}: {violations}");
            // Nothing is wider than the screen but what scrolls by itself.
            var fits = await browser.EvaluateAsync("document.documentElement.scrollWidth <= innerWidth");
            Assert.True(fits.GetBoolean(), $"{where} is too wide.");
        }
    }

    private static Uri View(EmbeddedGrid grid, string view) => new(grid.HttpAddress!, $"/?{Guid.NewGuid():N}#/{view}");

    private Task<EmbeddedGrid> StartAsync(params (string Key, string Value)[] more)
    {
        var settings = _store.Settings(more);
        settings.TryAdd("Grid:HttpListen", "http://127.0.0.1:0");
        return EmbeddedGrid.StartAsync(settings, configure: null);
    }

    /// <summary>
    /// The rules of accessibility as a script; of npm, for this test only. They stay in the directory of temporary files for the next run.
    /// </summary>
    private static async Task<string> InstallAxeAsync()
    {
        var kept = Path.Combine(Path.GetTempPath(), $"dass-{Axe}-{Environment.UserName}.js");
        if (File.Exists(kept))
        {
            return kept;
        }
        var folder = Directory.CreateTempSubdirectory("dass-npm-");
        var start = new ProcessStartInfo("npm")
        {
            ArgumentList = { "install", "--no-save", "--no-audit", "--no-fund", "--prefix", folder.FullName, Axe },
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        using var npm = Process.Start(start)!;
        var said = npm.StandardError.ReadToEndAsync();
        await npm.StandardOutput.ReadToEndAsync();
        await npm.WaitForExitAsync();
        Assert.True(npm.ExitCode == 0, await said);
        File.Move(Path.Combine(folder.FullName, "node_modules", "axe-core", "axe.min.js"), kept, overwrite: true); // whole or not at all
        folder.Delete(recursive: true);
        return kept;
    }
}
