global using Dass.Grid.Contracts;
global using Grpc.Core;
