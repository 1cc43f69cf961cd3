// Each of these tests is a grid, or several processes: side by side on two cores they only wait for each other.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
