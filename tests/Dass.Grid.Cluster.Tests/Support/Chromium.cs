using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.WebSockets;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Dass.Grid.Cluster.Tests.Support;

/// <summary>
/// Debian's Chromium with one page, without a screen, driven by its DevTools protocol: as much of it as these tests need. Its microphone is
/// a file.
/// </summary>
internal sealed class Chromium : IAsyncDisposable
{
    public const string Program = "chromium";

    private readonly Process _process;
    private readonly DirectoryInfo _profile;
    private readonly ClientWebSocket _socket = new();
    private readonly ConcurrentDictionary<int, TaskCompletionSource<JsonElement>> _asked = new();
    private readonly ConcurrentQueue<string> _errors = new();
    private readonly CancellationTokenSource _ending = new();
    private readonly SemaphoreSlim _sending = new(1);
    private Task _reading = Task.CompletedTask;
    private string? _session;
    private int _last;

    private Chromium(Process process, DirectoryInfo profile) => (_process, _profile) = (process, profile);

    /// <summary>What the page has complained about: errors of scripts, of the policy, of requests.</summary>
    public IReadOnlyCollection<string> Errors => _errors;

    /// <param name="microphone">A WAV file that plays from the moment that a page listens, and again from its beginning.</param>
    public static async Task<Chromium> StartAsync(string? microphone = null)
    {
        var profile = Directory.CreateTempSubdirectory("dass-chromium-");
        var start = new ProcessStartInfo(Program)
        {
            ArgumentList =
            {
                "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--remote-debugging-port=0",
                $"--user-data-dir={profile.FullName}", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
                "--autoplay-policy=no-user-gesture-required",
            },
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        if (microphone is not null)
        {
            start.ArgumentList.Add($"--use-file-for-fake-audio-capture={microphone}");
        }
        start.ArgumentList.Add("about:blank");
        var browser = new Chromium(Process.Start(start)!, profile);
        browser._process.OutputDataReceived += (_, _) => { };
        browser._process.ErrorDataReceived += (_, _) => { };
        browser._process.BeginOutputReadLine();
        browser._process.BeginErrorReadLine();
        await browser.ConnectAsync(Path.Combine(profile.FullName, "DevToolsActivePort"));
        return browser;
    }

    public async Task OpenAsync(Uri address, int width = 1280, int height = 900, string scheme = "light")
    {
        await SendAsync("Emulation.setDeviceMetricsOverride", new()
        {
            ["width"] = width, ["height"] = height, ["deviceScaleFactor"] = 1, ["mobile"] = width < 600,
        });
        await SendAsync("Emulation.setEmulatedMedia", new()
        {
            ["features"] = new JsonArray(new JsonObject { ["name"] = "prefers-color-scheme", ["value"] = scheme }),
        });
        await SendAsync("Page.navigate", new() { ["url"] = address.ToString() });
    }

    /// <summary>The value of an expression in the page, awaited when it is a promise.</summary>
    public async Task<JsonElement> EvaluateAsync(string expression)
    {
        var answer = await SendAsync("Runtime.evaluate", new()
        {
            ["expression"] = expression, ["awaitPromise"] = true, ["returnByValue"] = true, ["userGesture"] = true,
        });
        Assert.False(answer.TryGetProperty("exceptionDetails", out var thrown), $"{expression}: {thrown}");
        return answer.GetProperty("result").TryGetProperty("value", out var value) ? value : default;
    }

    /// <summary>Waits until an expression is true; one that throws, e.g. since an element is not there yet, is not.</summary>
    public Task UntilAsync(string condition) => TestGrid.UntilAsync(
        async () => (await EvaluateAsync($"(() => {{ try {{ return !!({condition}); }} catch {{ return false; }} }})()"))
            .ValueKind == JsonValueKind.True,
        () => Task.Delay(100),
        condition);

    /// <summary>Waits for a text somewhere in the page.</summary>
    public Task ShowsAsync(string text) => UntilAsync($"document.body.innerText.includes({JsonSerializer.Serialize(text)})");

    /// <summary>Waits for a button with such a name, or its description, and presses it.</summary>
    public async Task PressAsync(string name)
    {
        var text = JsonSerializer.Serialize(name);
        var find = $"[...document.querySelectorAll('button')].reverse().find(each => each.offsetParent !== null && !each.disabled "
            + $"&& (each.textContent === {text} || each.getAttribute('aria-label') === {text}))";
        await UntilAsync(find);
        await EvaluateAsync($"{find}.click()");
    }

    /// <summary>Types as a keyboard does.</summary>
    public Task TypeAsync(string text) => SendAsync("Input.insertText", new() { ["text"] = text });

    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync();
        await _reading;
        _socket.Dispose();
        _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
        _process.Dispose();
        try
        {
            _profile.Delete(recursive: true);
        }
        catch (IOException)
        {
            // a child of the browser has written its last file meanwhile
        }
    }

    private async Task ConnectAsync(string file)
    {
        await TestGrid.UntilAsync(() => File.Exists(file) && File.ReadAllLines(file).Length == 2);
        var lines = await File.ReadAllLinesAsync(file);
        await _socket.ConnectAsync(new Uri($"ws://127.0.0.1:{lines[0]}{lines[1]}"), CancellationToken.None);
        _reading = ReadAsync();
        var target = await SendAsync("Target.createTarget", new() { ["url"] = "about:blank" });
        var attached = await SendAsync(
            "Target.attachToTarget", new() { ["targetId"] = target.GetProperty("targetId").GetString(), ["flatten"] = true });
        _session = attached.GetProperty("sessionId").GetString();
        foreach (var domain in new[] { "Page", "Runtime", "Log" })
        {
            await SendAsync($"{domain}.enable", []);
        }
    }

    private async Task<JsonElement> SendAsync(string method, JsonObject parameters)
    {
        var id = Interlocked.Increment(ref _last);
        var answer = _asked[id] = new TaskCompletionSource<JsonElement>(TaskCreationOptions.RunContinuationsAsynchronously);
        var request = new JsonObject { ["id"] = id, ["method"] = method, ["params"] = parameters };
        if (_session is not null)
        {
            request["sessionId"] = _session;
        }
        await _sending.WaitAsync();
        try
        {
            await _socket.SendAsync(JsonSerializer.SerializeToUtf8Bytes(request), WebSocketMessageType.Text, true, _ending.Token);
        }
        finally
        {
            _sending.Release();
        }
        return await answer.Task.WaitAsync(TestGrid.Patience);
    }

    private async Task ReadAsync()
    {
        var (buffer, message) = (new byte[1 << 16], new MemoryStream());
        try
        {
            while (true)
            {
                var part = await _socket.ReceiveAsync(buffer.AsMemory(), _ending.Token);
                message.Write(buffer, 0, part.Count);
                if (part.EndOfMessage)
                {
                    Take(JsonDocument.Parse(message.ToArray()).RootElement);
                    message.SetLength(0);
                }
            }
        }
        catch (Exception over) when (over is OperationCanceledException or WebSocketException)
        {
            foreach (var asked in _asked.Values)
            {
                asked.TrySetException(new InvalidOperationException("The browser has gone."));
            }
        }
    }

    private void Take(JsonElement message)
    {
        if (message.TryGetProperty("id", out var id) && _asked.TryRemove(id.GetInt32(), out var asked))
        {
            if (message.TryGetProperty("error", out var error))
            {
                asked.SetException(new InvalidOperationException($"Chromium refuses: {error}"));
                return;
            }
            asked.SetResult(message.GetProperty("result"));
            return;
        }
        var parameters = message.TryGetProperty("params", out var given) ? given : default;
        switch (message.TryGetProperty("method", out var method) ? method.GetString() : null)
        {
            case "Runtime.exceptionThrown":
                _errors.Enqueue($"{parameters.GetProperty("exceptionDetails")}");
                break;
            case "Runtime.consoleAPICalled" when parameters.GetProperty("type").GetString() is "error" or "warning" or "assert":
                _errors.Enqueue($"{parameters.GetProperty("args")}");
                break;
            case "Log.entryAdded" when parameters.GetProperty("entry").GetProperty("level").GetString() is "error" or "warning":
                _errors.Enqueue($"{parameters.GetProperty("entry")}");
                break;
        }
    }
}
