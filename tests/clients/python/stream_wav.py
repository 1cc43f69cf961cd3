"""Feeds a WAV file of 16-bit samples to a grid and prints its tags: stream_wav.py HOST:PORT FILE [STREAM_ID].

The modules dass.grid.v1 come from `generate DIR`; PYTHONPATH=DIR. The key is taken from DASS_API_KEY. When the connection breaks, the audio goes on where the
grid says, and the tags after the last one that came.
"""
import os
import queue
import sys
import time
import wave

import grpc
from dass.grid.v1 import tagging_pb2 as dass
from dass.grid.v1 import tagging_pb2_grpc

PIECE_SECONDS = 0.1
ATTEMPTS = 6


def requests(file, config, ready):
    """What goes to the grid: the stream, then its audio from where the grid wants it, then the end."""
    yield dass.StreamRequest(config=config)
    sample = ready.get()  # gRPC asks for requests on a thread of its own
    if sample is None:
        return
    with wave.open(file) as audio:
        audio.setpos(min(sample, audio.getnframes()))
        while data := audio.readframes(int(audio.getframerate() * PIECE_SECONDS)):
            yield dass.StreamRequest(audio=dass.Audio(first_sample=sample, data=data))
            sample += len(data) // (audio.getsampwidth() * audio.getnchannels())
    yield dass.StreamRequest(finish=dass.Finish())


def feed(grid, file, config, metadata):
    """One call. Returns whether the stream came to its end."""
    ready = queue.SimpleQueue()
    try:
        return show(grid.Stream(requests(file, config, ready), metadata=metadata), config, ready)
    finally:
        ready.put(None)  # of a call that failed before it was answered


def show(answers, config, ready):
    for answer in answers:
        kind = answer.WhichOneof("response")
        if kind == "ready":
            config.stream_id = answer.ready.stream_id
            if not config.HasField("from_chunk"):
                config.from_chunk = answer.ready.next_chunk
            ready.put(answer.ready.next_sample)
            print(f"stream {config.stream_id}, model {answer.ready.model.name}")
        elif kind == "tags":
            tags = answer.tags
            config.from_chunk = tags.chunk + 1
            heard = "  ".join(f"{score.name} {score.score:.3f}" for score in tags.window_scores)
            print(f"{tags.start_seconds:8.2f} - {tags.end_seconds:8.2f}  {heard}")
            show_events(tags.events)
        elif kind == "events":
            show_events(answer.events.events)
        elif kind == "gap":
            print(f"gap before sample {answer.gap.to_sample}: {answer.gap.reason}")
        elif kind == "summary":
            print(f"heard {answer.summary.duration_seconds:.2f} s in {answer.summary.chunks} chunks")
            return True
    return False


def show_events(events):
    for event in events:
        if event.kind == dass.EVENT_KIND_CLOSED:
            print(f"  {event.label} {event.onset_seconds:.2f} - {event.offset_seconds:.2f}, peak {event.peak_score:.3f}")


def main(address, file, stream_id=""):
    with wave.open(file) as audio:
        if audio.getsampwidth() != 2:
            sys.exit(f"{file} has samples of {8 * audio.getsampwidth()} bits; 16 are wanted.")
        audio_format = dass.AudioFormat(encoding=dass.ENCODING_PCM16, sample_rate_hz=audio.getframerate(), channels=audio.getnchannels())
    config = dass.StreamConfig(stream_id=stream_id, format=audio_format, filter=dass.TagFilter(top=3))
    key = os.environ.get("DASS_API_KEY")
    metadata = [("authorization", f"Bearer {key}")] if key else []
    with grpc.insecure_channel(address) as channel:  # a grid with TLS: grpc.secure_channel
        grid = tagging_pb2_grpc.TaggingStub(channel)
        failed = 0
        while True:
            before, why = config.from_chunk, "the call ended before the stream"
            try:
                if feed(grid, file, config, metadata):
                    return
            except grpc.RpcError as broken:
                why = f"the grid answers {broken.code().name}: {broken.details()}"
                if broken.code() != grpc.StatusCode.UNAVAILABLE:
                    sys.exit(why)
            failed = 1 if config.from_chunk > before else failed + 1
            if failed == ATTEMPTS:
                sys.exit(why)
            time.sleep(0.5 * 2 ** (failed - 1))


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    main(*sys.argv[1:])
