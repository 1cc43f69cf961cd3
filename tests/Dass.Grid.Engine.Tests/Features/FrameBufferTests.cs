using CsCheck;
using Dass.Grid.Engine.Features;

namespace Dass.Grid.Engine.Tests.Features;

public class FrameBufferTests
{
    [Fact]
    public void It_is_a_queue_in_any_order_of_appends_and_drops() =>
        Gen.Select(Gen.Int[0, 300], Gen.Int[0, 300]).Array[1, 40].Sample(
            steps =>
            {
                var buffer = new FrameBuffer(2);
                var model = new Queue<float>();
                var next = 0f;
                foreach (var (appended, dropped) in steps)
                {
                    var room = buffer.Append(appended);
                    for (var i = 0; i < room.Length; i++)
                    {
                        room[i] = next;
                        model.Enqueue(next++);
                    }
                    var drop = Math.Min(dropped, buffer.Count);
                    buffer.Drop(drop);
                    for (var i = 0; i < 2 * drop; i++)
                    {
                        model.Dequeue();
                    }
                    Assert.Equal(model.ToArray(), buffer.Frames.ToArray());
                }
            },
            iter: 200);
}
