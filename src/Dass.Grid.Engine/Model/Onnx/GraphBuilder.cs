using System.Runtime.InteropServices;
using Dass.Grid.Engine.Model.Onnx.Native;
using Dass.Grid.Engine.Model.Onnx.Schema;
using Google.Protobuf;

namespace Dass.Grid.Engine.Model.Onnx;

/// <summary>Writes an ONNX graph node by node. Values are named by the methods that make them.</summary>
internal sealed class GraphBuilder(string customDomain)
{
    private const int IrVersion = 10;
    private const int OpsetVersion = 21;

    private readonly GraphProto _graph = new() { Name = "dass" };
    private int _names;

    /// <summary>A float input. A negative dimension is free.</summary>
    public string Input(string name, params ReadOnlySpan<long> shape) => Input(name, ElementType.Float, shape);

    public string Input(string name, ElementType type, params ReadOnlySpan<long> shape)
    {
        _graph.Input.Add(Describe(name, type, shape));
        return name;
    }

    /// <summary>Declares <paramref name="value"/> as an output of unknown shape.</summary>
    public void Output(string value, ElementType type = ElementType.Float) => _graph.Output.Add(new ValueInfoProto
    {
        Name = value,
        Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)type } },
    });

    public string Constant(ReadOnlySpan<float> values, params ReadOnlySpan<long> shape) =>
        Constant(ElementType.Float, MemoryMarshal.AsBytes(values), shape);

    public string Constant(ReadOnlySpan<sbyte> values, params ReadOnlySpan<long> shape) =>
        Constant(ElementType.Int8, MemoryMarshal.AsBytes(values), shape);

    /// <summary>A number.</summary>
    public string Constant(byte value) => Constant(ElementType.UInt8, [value], []);

    /// <summary>An operator of ONNX's own with one output.</summary>
    public string Standard(string type, ReadOnlySpan<string> inputs, params ReadOnlySpan<(string Name, long Value)> attributes)
    {
        var output = NewName();
        Node("", type, inputs, [output], attributes);
        return output;
    }

    /// <summary>A custom operator with one output.</summary>
    public string Custom(string type, params ReadOnlySpan<string> inputs)
    {
        var output = NewName();
        Custom(type, inputs, [output]);
        return output;
    }

    /// <summary>A custom operator whose outputs have the given names.</summary>
    public void Custom(
        string type, ReadOnlySpan<string> inputs, ReadOnlySpan<string> outputs,
        params ReadOnlySpan<(string Name, long Value)> attributes) =>
        Node(customDomain, type, inputs, outputs, attributes);

    public string NewName() => "v" + _names++;

    public byte[] ToBytes() => new ModelProto
    {
        IrVersion = IrVersion,
        ProducerName = "dass.grid",
        Graph = _graph,
        OpsetImport =
        {
            new OperatorSetIdProto { Domain = "", Version = OpsetVersion },
            new OperatorSetIdProto { Domain = customDomain, Version = 1 },
        },
    }.ToByteArray();

    private string Constant(ElementType type, ReadOnlySpan<byte> values, ReadOnlySpan<long> shape)
    {
        var tensor = new TensorProto { Name = NewName(), DataType = (int)type, RawData = ByteString.CopyFrom(values) };
        tensor.Dims.AddRange(shape.ToArray());
        _graph.Initializer.Add(tensor);
        return tensor.Name;
    }

    private void Node(
        string domain, string type, ReadOnlySpan<string> inputs, ReadOnlySpan<string> outputs,
        ReadOnlySpan<(string Name, long Value)> attributes)
    {
        var node = new NodeProto { Domain = domain, OpType = type, Name = $"{type}.{outputs[0]}" };
        node.Input.AddRange(inputs.ToArray());
        node.Output.AddRange(outputs.ToArray());
        foreach (var (name, value) in attributes)
        {
            node.Attribute.Add(new AttributeProto { Name = name, I = value, Type = AttributeProto.Types.AttributeType.Int });
        }
        _graph.Node.Add(node);
    }

    private static ValueInfoProto Describe(string name, ElementType type, ReadOnlySpan<long> shape)
    {
        var dimensions = new TensorShapeProto();
        foreach (var dimension in shape)
        {
            dimensions.Dim.Add(
                dimension < 0 ? new TensorShapeProto.Types.Dimension() : new TensorShapeProto.Types.Dimension { DimValue = dimension });
        }
        return new ValueInfoProto
        {
            Name = name,
            Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)type, Shape = dimensions } },
        };
    }
}
