using System.Runtime.InteropServices;
using Dass.Grid.Engine.Model;
using Dass.Grid.Engine.Model.Onnx;
using Dass.Grid.Engine.Model.Onnx.Native;
using Dass.Grid.Engine.Model.Onnx.Operators;
using Dass.Grid.Engine.Model.Onnx.Schema;
using Google.Protobuf;

namespace Dass.Grid.Benchmarks;

/// <summary>
/// A step's graph with ONNX's own operators in the place of <see cref="SelectiveScan"/>: what does not depend on the state is computed for
/// all tokens at once, then one Scan over the tokens does h ← decay · h + gain for the four routes.
/// </summary>
internal sealed class StandardScan
{
    /// <summary>Largest difference from our operator, in relation to a tensor's largest value.</summary>
    private const double Tolerance = 1e-4;

    /// <summary>The same where a difference in the last bit makes an activation the next byte.</summary>
    private const double ToleranceInBytes = 0.1;

    private readonly Dictionary<string, TensorProto> _constants;
    private readonly Dictionary<string, ValueInfoProto> _inputs;
    private readonly GraphProto _graph; // the nodes so far
    private int _names;

    private StandardScan(GraphProto graph)
    {
        _constants = graph.Initializer.ToDictionary(tensor => tensor.Name);
        _inputs = graph.Input.ToDictionary(input => input.Name);
        _graph = graph;
        var nodes = graph.Node.ToArray();
        graph.Node.Clear();
        foreach (var node in nodes)
        {
            if (node.OpType == nameof(SelectiveScan))
            {
                Replace(node);
            }
            else
            {
                graph.Node.Add(node);
            }
        }
        var used = graph.Node.SelectMany(node => node.Input).ToHashSet();
        foreach (var tensor in _constants.Values.Where(tensor => !used.Contains(tensor.Name)))
        {
            graph.Initializer.Remove(tensor);
        }
    }

    /// <summary>The step model of the rewritten graph.</summary>
    /// <param name="real">The model with our operator; both must give the same in a stream's first steps.</param>
    public static OnnxStepModel Create(IStepModel real)
    {
        var file = ModelProto.Parser.ParseFrom(DassGraph.Build(real.Model));
        _ = new StandardScan(file.Graph);
        var model = new OnnxStepModel(real.Model, file.ToByteArray());
        Check(real, model, real.Model.IsQuantized ? ToleranceInBytes : Tolerance);
        return model;
    }

    private static void Check(IStepModel real, IStepModel model, double tolerance)
    {
        using StateArena expected = new(real.CreateMemory(2)), actual = new(model.CreateMemory(2));
        StepRequest[] Requests(StateArena arena) =>
            [.. Enumerable.Range(0, 2).Select(_ => StepBenchmark.Request(arena, real.Model.Config, committed: 64, lookAhead: 37))];
        StepRequest[] ours = Requests(expected), theirs = Requests(actual);
        real.Step([ours[1]]); // so that one stream of the batch is in its first step and the other is not
        model.Step([theirs[1]]);
        real.Step(ours);
        model.Step(theirs);
        foreach (var (our, their) in ours.Zip(theirs))
        {
            Compare("tokens", our.ColumnSums, their.ColumnSums);
            foreach (var tensor in real.StateLayout.Tensors)
            {
                Compare(tensor.Name, our.Slot[tensor], their.Slot[tensor]);
            }
        }

        void Compare(string what, ReadOnlySpan<float> one, ReadOnlySpan<float> other)
        {
            double largest = 0, error = 0;
            for (var i = 0; i < one.Length; i++)
            {
                largest = Math.Max(largest, Math.Abs(one[i]));
                error = Math.Max(error, Math.Abs((double)one[i] - other[i]));
            }
            if (!(error <= tolerance * largest))
            {
                throw new InvalidOperationException($"ONNX's Scan differs in {what}: {error:e1}, the largest value is {largest:e1}.");
            }
        }
    }

    private void Replace(NodeProto scan)
    {
        string u = scan.Input[0], p = scan.Input[1], row = scan.Input[6], column = scan.Input[7];
        string first = scan.Input[8], committed = scan.Input[9];
        long Attribute(string name) => scan.Attribute.Single(attribute => attribute.Name == name).I;
        int rank = (int)Attribute("rank"), halvings = (int)Attribute("halvings");
        float[] weights = Values(scan.Input[2]), bias = Values(scan.Input[3]), a = Values(scan.Input[4]);
        var channels = a.Length / 4;
        var rows = _inputs[row].Type.TensorType.Shape.Dim[1].DimValue;

        // Sequences [tokens, B, ..] in the order of rows, for routes 0 and 2, and in that of columns, for 1 and 3.
        string[] sequences = [Sequence(u, byColumns: false, channels), Sequence(u, byColumns: true, channels)];
        var parts = new[] { false, true }
            .Select(byColumns => Split(Sequence(p, byColumns, 4 * (rank + 2)), rank)).ToArray();
        var (decays, gains) = (new string[4], new string[4]);
        for (var route = 0; route < 4; route++)
        {
            // Our operator's constants are in base 2, where softplus and decay need one exponential each; here they are natural again.
            float[] Natural(float[] values, int length) =>
                [.. values.AsSpan(route * length, length).ToArray().Select(value => value * MathF.Log(2))];
            var steps = Node("MatMul", parts[route % 2][3 * route], Constant(Natural(weights, rank * channels), rank, channels));
            steps = Node("Softplus", Node("Add", steps, Constant(Natural(bias, channels), channels)));
            decays[route] = Node("Exp", Node("Mul", steps, Constant(a.AsSpan(route * channels, channels), channels)));
            var gate = Node("Mul", parts[route % 2][3 * route + 1], Constant([1 / MathF.Log(2)]));
            gains[route] = Node("Mul", steps, Node("Mul", gate, sequences[route % 2]));
        }
        var batch = Node("Shape", [sequences[0]], Int("start", 1), Int("end", 2));
        var grid = Node("Concat", [Constant([rows, -1L]), batch, Constant([(long)channels])], Int("axis", 0)); // [H,W,B,D]
        var gridByColumns = Node("Concat", [Constant([-1L, rows]), batch, Constant([(long)channels])], Int("axis", 0));
        StartRows(ref decays[0], ref gains[0], grid, Node("Shape", sequences[0]), row, first);

        var states = Recur(decays, gains, column);
        string Output(int route) => Node("Mul", states[route], parts[route % 2][3 * route + 2]);
        var skipped = Node("Mul", sequences[0], scan.Input[5]);
        var byRows = Grid(Node("Add", Node("Add", Output(0), Output(2)), skipped), [0, rows, -1, channels]);
        var byColumns = Transpose(Grid(Node("Add", Output(1), Output(3)), [0, -1, rows, channels]), 0, 2, 1, 3);
        Add("Add", [byRows, byColumns], [scan.Output[0]]);

        // States after the last committed column.
        var halved = Node("Div", Node("Add", committed, Constant([(1L << halvings) - 1])), Constant([1L << halvings]));
        var last = Node("Sub", halved, Constant([1L]));
        var kept = Node("Gather", [Node("Reshape", states[0], grid), last], Int("axis", 1)); // [H,1,B,D]
        kept = Transpose(kept, 2, 0, 1, 3);
        Add("Reshape", [kept, Constant([0L, rows, channels])], [scan.Output[1]]);
        kept = Node("Gather", [Node("Reshape", states[1], gridByColumns), last], Int("axis", 0)); // [1,H,B,D]
        kept = Node("Gather", [kept, Constant([rows - 1])], Int("axis", 1));
        Add("Reshape", [kept, Constant([-1L, channels])], [scan.Output[2]]);
    }

    /// <summary>[B,H,W,C] to [tokens,B,C].</summary>
    private string Sequence(string x, bool byColumns, long channels)
    {
        if (byColumns)
        {
            x = Transpose(x, 0, 2, 1, 3);
        }
        return Transpose(Node("Reshape", x, Constant([0L, -1, channels])), 1, 0, 2);
    }

    /// <summary>[tokens,B,D] to [B,..,D].</summary>
    private string Grid(string x, ReadOnlySpan<long> shape) =>
        Node("Reshape", Transpose(x, 1, 0, 2), Constant(shape));

    /// <summary>Of each route the step sizes, B and C.</summary>
    private string[] Split(string projections, int rank)
    {
        string[] parts = [.. Enumerable.Range(0, 12).Select(_ => Name())];
        Add("Split", [projections, Constant([rank, 1L, 1, rank, 1, 1, rank, 1, 1, rank, 1, 1])], parts, Int("axis", 2));
        return parts;
    }

    /// <summary>After a stream's first step each row of route 0 starts with a state of its own instead of the row before's.</summary>
    private void StartRows(ref string decay, ref string gain, string grid, string sequence, string row, string first)
    {
        var isFirst = Node("Unsqueeze", Node("Cast", [first], Int("to", (long)ElementType.Float)), Constant([1L])); // [B,1]
        var isLater = Node("Sub", Constant([1f]), isFirst);
        decay = Node("Reshape", decay, grid);
        gain = Node("Reshape", gain, grid);
        string Column(string x) => Node("Slice", x, Constant([0L]), Constant([1L]), Constant([1L])); // [H,1,B,D]
        string Others(string x) => Node("Slice", x, Constant([1L]), Constant([long.MaxValue]), Constant([1L]));
        var starts = Node("Unsqueeze", Transpose(row, 1, 0, 2), Constant([1L]));
        var firstDecay = Column(decay);
        var firstGain = Node("Add", Column(gain), Node("Mul", firstDecay, Node("Mul", starts, isLater)));
        decay = Node("Concat", [Node("Mul", firstDecay, isFirst), Others(decay)], Int("axis", 1));
        gain = Node("Concat", [firstGain, Others(gain)], Int("axis", 1));
        decay = Node("Reshape", decay, sequence);
        gain = Node("Reshape", gain, sequence);
    }

    /// <summary>The states of each route after each token: [tokens,B,D] in the order of the sequences.</summary>
    private string[] Recur(string[] decays, string[] gains, string column)
    {
        var body = new GraphProto { Name = Name() };
        var (nodes, states, ends) = (new List<NodeProto>(), new string[4], new string[4]);
        string[] h = Names(), decay = Names(), gain = Names(), next = Names(), kept = Names();
        for (var route = 0; route < 4; route++)
        {
            (states[route], ends[route]) = (Name(), Name());
            var decayed = Name();
            nodes.Add(new NodeProto { OpType = "Mul", Input = { decay[route], h[route] }, Output = { decayed } });
            nodes.Add(new NodeProto { OpType = "Add", Input = { decayed, gain[route] }, Output = { next[route] } });
            nodes.Add(new NodeProto { OpType = "Identity", Input = { next[route] }, Output = { kept[route] } });
        }
        body.Node.AddRange(nodes);
        body.Input.AddRange(((string[])[.. h, .. decay, .. gain]).Select(Float));
        body.Output.AddRange(((string[])[.. next, .. kept]).Select(Float));
        var zero = Node("ConstantOfShape", Node("Shape", column));
        Add(
            "Scan", [zero, column, zero, zero, .. decays, .. gains], [.. ends, .. states], Int("num_scan_inputs", 8),
            Ints("scan_input_directions", 0, 0, 1, 1, 0, 0, 1, 1), Ints("scan_output_directions", 0, 0, 1, 1),
            new AttributeProto { Name = "body", Type = AttributeProto.Types.AttributeType.Graph, G = body });
        return states;

        string[] Names() => [Name(), Name(), Name(), Name()];

        static ValueInfoProto Float(string name) =>
            new() { Name = name, Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)ElementType.Float } } };
    }

    private float[] Values(string constant) => MemoryMarshal.Cast<byte, float>(_constants[constant].RawData.Span).ToArray();

    private string Name() => $"scan.{_names++}";

    private string Constant(ReadOnlySpan<float> values, params ReadOnlySpan<long> shape) =>
        Constant(ElementType.Float, MemoryMarshal.AsBytes(values), shape.IsEmpty ? [values.Length] : shape);

    private string Constant(ReadOnlySpan<long> values) => Constant(ElementType.Int64, MemoryMarshal.AsBytes(values), [values.Length]);

    private string Constant(ElementType type, ReadOnlySpan<byte> values, ReadOnlySpan<long> shape)
    {
        var tensor = new TensorProto { Name = Name(), DataType = (int)type, RawData = ByteString.CopyFrom(values) };
        tensor.Dims.AddRange(shape.ToArray());
        _graph.Initializer.Add(tensor);
        return tensor.Name;
    }

    private string Transpose(string x, params ReadOnlySpan<long> order) => Node("Transpose", [x], Ints("perm", order));

    private string Node(string type, params ReadOnlySpan<string> inputs) => Node(type, inputs, []);

    private string Node(string type, ReadOnlySpan<string> inputs, params ReadOnlySpan<AttributeProto> attributes)
    {
        var output = Name();
        Add(type, inputs, [output], attributes);
        return output;
    }

    private void Add(
        string type, ReadOnlySpan<string> inputs, ReadOnlySpan<string> outputs, params ReadOnlySpan<AttributeProto> attributes)
    {
        var node = new NodeProto { OpType = type, Name = $"{type}.{outputs[0]}" };
        node.Input.AddRange(inputs.ToArray());
        node.Output.AddRange(outputs.ToArray());
        node.Attribute.AddRange(attributes.ToArray());
        _graph.Node.Add(node);
    }

    private static AttributeProto Int(string name, long value) =>
        new() { Name = name, I = value, Type = AttributeProto.Types.AttributeType.Int };

    private static AttributeProto Ints(string name, params ReadOnlySpan<long> values) =>
        new() { Name = name, Ints = { values.ToArray() }, Type = AttributeProto.Types.AttributeType.Ints };
}
