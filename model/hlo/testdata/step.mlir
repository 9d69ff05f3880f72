module @fragua attributes {mhlo.num_replicas = 2 : i32, mhlo.num_partitions = 1 : i32} {
  func.func public @main(%arg0: tensor<7x4xf32>, %arg1: tensor<3x4xf32>, %arg2: tensor<5xi32>, %arg3: tensor<3x4xf32> {tf.aliasing_output = 1 : i32}) -> (tensor<f32>, tensor<3x4xf32>, tensor<7x4xf32>) {
    %0 = stablehlo.reshape %arg2 : (tensor<5xi32>) -> tensor<5x1xi32>
    %1 = "stablehlo.gather"(%arg0, %0) <{dimension_numbers = #stablehlo.gather<offset_dims = [1], collapsed_slice_dims = [0], start_index_map = [0], index_vector_dim = 1>, indices_are_sorted = false, slice_sizes = array<i64: 1, 4>}> : (tensor<7x4xf32>, tensor<5x1xi32>) -> tensor<5x4xf32>
    %2 = stablehlo.logistic %1 : tensor<5x4xf32>
    %3 = stablehlo.multiply %1, %2 : tensor<5x4xf32>
    %4 = stablehlo.optimization_barrier %3 : tensor<5x4xf32>
    %5 = stablehlo.convert %4 : (tensor<5x4xf32>) -> tensor<5x4xbf16>
    %6 = stablehlo.convert %arg1 : (tensor<3x4xf32>) -> tensor<3x4xbf16>
    %7 = stablehlo.dot_general %5, %6, contracting_dims = [1] x [1], precision = [DEFAULT, DEFAULT] : (tensor<5x4xbf16>, tensor<3x4xbf16>) -> tensor<5x3xf32>
    %8 = stablehlo.constant dense<0xFF800000> : tensor<f32>
    %9 = stablehlo.reduce(%7 init: %8) applies stablehlo.maximum across dimensions = [1] : (tensor<5x3xf32>, tensor<f32>) -> tensor<5xf32>
    %10 = stablehlo.broadcast_in_dim %9, dims = [0] : (tensor<5xf32>) -> tensor<5x3xf32>
    %11 = stablehlo.subtract %7, %10 : tensor<5x3xf32>
    %12 = stablehlo.exponential %11 : tensor<5x3xf32>
    %13 = stablehlo.constant dense<0.000000000e+00> : tensor<f32>
    %14 = stablehlo.reduce(%12 init: %13) applies stablehlo.add across dimensions = [1] : (tensor<5x3xf32>, tensor<f32>) -> tensor<5xf32>
    %15 = stablehlo.log %14 : tensor<5xf32>
    %16 = stablehlo.add %15, %9 : tensor<5xf32>
    %17 = stablehlo.constant dense<0.000000000e+00> : tensor<f32>
    %18 = stablehlo.reduce(%16 init: %17) applies stablehlo.add across dimensions = [0] : (tensor<5xf32>, tensor<f32>) -> tensor<f32>
    %19 = stablehlo.constant dense<2.000000000e-01> : tensor<f32>
    %20 = stablehlo.multiply %18, %19 : tensor<f32>
    %21 = stablehlo.constant dense<1.000000000e+00> : tensor<f32>
    %22 = stablehlo.multiply %21, %19 : tensor<f32>
    %23 = stablehlo.broadcast_in_dim %22, dims = [] : (tensor<f32>) -> tensor<5xf32>
    %24 = stablehlo.divide %23, %14 : tensor<5xf32>
    %25 = stablehlo.broadcast_in_dim %24, dims = [0] : (tensor<5xf32>) -> tensor<5x3xf32>
    %26 = stablehlo.multiply %25, %12 : tensor<5x3xf32>
    %27 = stablehlo.convert %26 : (tensor<5x3xf32>) -> tensor<5x3xbf16>
    %28 = stablehlo.dot_general %27, %6, contracting_dims = [1] x [0], precision = [DEFAULT, DEFAULT] : (tensor<5x3xbf16>, tensor<3x4xbf16>) -> tensor<5x4xf32>
    %29 = stablehlo.dot_general %27, %5, contracting_dims = [0] x [0], precision = [DEFAULT, DEFAULT] : (tensor<5x3xbf16>, tensor<5x4xbf16>) -> tensor<3x4xf32>
    %30:2 = stablehlo.optimization_barrier %1, %28 : tensor<5x4xf32>, tensor<5x4xf32>
    %31 = stablehlo.logistic %30#0 : tensor<5x4xf32>
    %32 = stablehlo.multiply %30#0, %31 : tensor<5x4xf32>
    %33 = stablehlo.multiply %30#1, %31 : tensor<5x4xf32>
    %34 = stablehlo.multiply %30#1, %30#0 : tensor<5x4xf32>
    %35 = stablehlo.constant dense<1.000000000e+00> : tensor<5x4xf32>
    %36 = stablehlo.subtract %35, %31 : tensor<5x4xf32>
    %37 = stablehlo.multiply %31, %36 : tensor<5x4xf32>
    %38 = stablehlo.multiply %34, %37 : tensor<5x4xf32>
    %39 = stablehlo.add %33, %38 : tensor<5x4xf32>
    %40 = stablehlo.constant dense<0.000000000e+00> : tensor<7x4xf32>
    %41 = "stablehlo.scatter"(%40, %0, %39) <{scatter_dimension_numbers = #stablehlo.scatter<update_window_dims = [1], inserted_window_dims = [0], scatter_dims_to_operand_dims = [0], index_vector_dim = 1>, indices_are_sorted = false, unique_indices = false}> ({ ^bb0(%left: tensor<f32>, %right: tensor<f32>): %sum = stablehlo.add %left, %right : tensor<f32> stablehlo.return %sum : tensor<f32> }) : (tensor<7x4xf32>, tensor<5x1xi32>, tensor<5x4xf32>) -> tensor<7x4xf32>
    %42 = "stablehlo.all_reduce"(%29) <{replica_groups = dense<[[0, 1]]> : tensor<1x2xi64>}> ({ ^bb0(%left: tensor<f32>, %right: tensor<f32>): %sum = stablehlo.add %left, %right : tensor<f32> stablehlo.return %sum : tensor<f32> }) : (tensor<3x4xf32>) -> tensor<3x4xf32>
    %43 = stablehlo.add %arg3, %42 : tensor<3x4xf32>
    return %20, %43, %41 : tensor<f32>, tensor<3x4xf32>, tensor<7x4xf32>
  }
}
