namespace Dass.Grid.Engine.Model;

internal static class Provisional
{
    extension(DassModel)
    {
        public static DassModel Load(string directory) => throw new NotSupportedException(directory);

        public static DassModel LoadBuiltIn() => throw new NotSupportedException();
    }
}
