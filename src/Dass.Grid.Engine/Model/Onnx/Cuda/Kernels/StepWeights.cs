namespace Dass.Grid.Engine.Model.Onnx.Cuda.Kernels;

/// <summary>
/// The step-size weights of one channel and route. The compiler has no arrays in registers, so a rank that is known is built of fields:
/// twelve is twice twice three.
/// </summary>
internal unsafe interface IStepWeights
{
    int Rank { get; }

    /// <param name="weights">Of all channels and routes.</param>
    /// <param name="first">Floats before the first of these weights.</param>
    /// <param name="stride">Floats from one weight to the next.</param>
    /// <param name="rank">How many there are; must be <see cref="Rank"/> where that is fixed.</param>
    void Load(DevicePointer<float> weights, long first, long stride, int rank);

    /// <summary>sum + Σ weight[r] · projection[r].</summary>
    float Project(float* projection, float sum);
}

internal unsafe struct ThreeWeights : IStepWeights
{
    private float _a, _b, _c;

    public readonly int Rank => 3;

    public void Load(DevicePointer<float> weights, long first, long stride, int rank)
    {
        _a = weights.Pointer[first];
        _b = weights.Pointer[first + stride];
        _c = weights.Pointer[first + 2 * stride];
    }

    public readonly float Project(float* projection, float sum) =>
        _c * projection[2] + (_b * projection[1] + (_a * projection[0] + sum));
}

/// <summary>Twice as many weights as <typeparamref name="THalf"/> has.</summary>
internal unsafe struct Twice<THalf> : IStepWeights
    where THalf : unmanaged, IStepWeights
{
    private THalf _first, _second;

    public readonly int Rank => _first.Rank + _second.Rank;

    public void Load(DevicePointer<float> weights, long first, long stride, int rank)
    {
        _first = default;
        _second = default;
        _first.Load(weights, first, stride, rank);
        _second.Load(weights, first + _first.Rank * stride, stride, rank);
    }

    public readonly float Project(float* projection, float sum) =>
        _second.Project(projection + _first.Rank, _first.Project(projection, sum));
}

/// <summary>Any rank, read from memory at each token: for networks of no published size.</summary>
internal unsafe struct AnyWeights : IStepWeights
{
    private DevicePointer<float> _weights;
    private long _begin, _stride;
    private int _rank;

    public readonly int Rank => _rank;

    public void Load(DevicePointer<float> weights, long first, long stride, int rank)
    {
        _weights = weights;
        _begin = first;
        _stride = stride;
        _rank = rank;
    }

    public readonly float Project(float* projection, float sum)
    {
        for (var i = 0; i < _rank; i++)
        {
            sum += _weights.Pointer[_begin + i * _stride] * projection[i];
        }
        return sum;
    }
}
