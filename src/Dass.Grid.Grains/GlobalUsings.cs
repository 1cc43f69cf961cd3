global using Dass.Grid.Contracts;
