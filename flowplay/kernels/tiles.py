# mypy: ignore-errors
"""Tiles of a product of matrices whose sums stay in registers, written as LLVM vectors.

LLVM vectorizes the innermost of numba's loops. In a product of matrices its sums would then be read
from memory and written back for every few terms; here that happens once for each tile. Vectors of
more numbers than the processor's are divided by LLVM.
"""

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array

#: Whether a register holds 16 numbers, of which there are 32, or 8, of which there are 16.
_WIDE = llvm.get_host_cpu_features().get("avx512f", False)

#: Most rows and columns of a tile of A B, and points that one term of A Bᵀ takes at a time.
ROWS, COLUMNS, POINTS = (8, 32, 16) if _WIDE else (4, 16, 8)

_FLAGS = ("reassoc", "nsz", "arcp", "contract", "afn")
_FLOAT, _INT32, _INT64 = ir.FloatType(), ir.IntType(32), ir.IntType(64)


def add_product(rows):
    """Return a function that adds A B to a tile of C, as many rows high and `COLUMNS` wide.

    It takes C, A and B as arrays; where the tile begins in C, and the distance of its rows; where
    the first row begins in A, the distance of its rows and that of its columns; the distance of the
    rows of B; and the terms of a sum.
    """
    vector = ir.VectorType(_FLOAT, COLUMNS)

    @intrinsic
    def add(context_, c, a, b, at, c_row, start, a_row, a_column, b_row, terms):
        signature = types.void(c, a, b, at, c_row, start, a_row, a_column, b_row, terms)

        def emit(context, builder, signature, given):
            c, a, b = _pointers(context, builder, signature, given)
            at, c_row, start, a_row, a_column, b_row, terms = given[3:]
            tile = [
                _vector(builder, c, _offset(builder, at, c_row, i), vector) for i in range(rows)
            ]
            starts = [_offset(builder, start, a_row, i) for i in range(rows)]

            def term(k, sums):
                shared = builder.load(_vector(builder, b, builder.mul(k, b_row), vector), align=4)
                column = builder.mul(k, a_column)
                return [
                    _add(
                        builder,
                        sums[i],
                        _everywhere(
                            builder,
                            builder.load(builder.gep(a, [builder.add(starts[i], column)])),
                            vector,
                        ),
                        shared,
                    )
                    for i in range(rows)
                ]

            sums = _loop(builder, terms, [builder.load(row, align=4) for row in tile], term)
            for row, total in zip(tile, sums, strict=True):
                builder.store(total, row, align=4)
            return context.get_dummy_value()

        return signature, emit

    return add


def add_inner_products(rows, columns):
    """Return a function that adds A Bᵀ to a tile of C, over the first points of A and B.

    It takes C, A and B as arrays; where the tile begins in C, and the distance of its rows; the
    first row of A and of B, and the length of their rows; and how many times `POINTS` it takes.
    """
    vector = ir.VectorType(_FLOAT, POINTS)

    @intrinsic
    def add(context_, c, a, b, at, c_row, first_a, first_b, length, terms):
        signature = types.void(c, a, b, at, c_row, first_a, first_b, length, terms)

        def emit(context, builder, signature, given):
            c, a, b = _pointers(context, builder, signature, given)
            at, c_row, first_a, first_b, length, terms = given[3:]

            def begins(first, count):
                return [builder.mul(builder.add(first, _INT64(i)), length) for i in range(count)]

            of_a, of_b = begins(first_a, rows), begins(first_b, columns)

            def term(j, sums):
                offset = builder.mul(j, _INT64(POINTS))

                def load(array, start):
                    place = _vector(builder, array, builder.add(start, offset), vector)
                    return builder.load(place, align=4)

                left, right = [load(a, s) for s in of_a], [load(b, s) for s in of_b]
                return [
                    _add(builder, sums[i * columns + k], left[i], right[k])
                    for i in range(rows)
                    for k in range(columns)
                ]

            zero = ir.Constant(vector, POINTS * [0.0])
            sums = _loop(builder, terms, rows * columns * [zero], term)
            total = cgutils.get_or_insert_function(
                builder.module,
                ir.FunctionType(_FLOAT, [_FLOAT, vector]),
                f"llvm.vector.reduce.fadd.v{POINTS}f32",
            )
            for i in range(rows):
                for k in range(columns):
                    here = builder.add(_offset(builder, at, c_row, i), _INT64(k))
                    place = builder.gep(c, [here])
                    more = builder.call(
                        total, [_FLOAT(0.0), sums[i * columns + k]], fastmath=_FLAGS
                    )
                    builder.store(builder.fadd(builder.load(place), more), place)
            return context.get_dummy_value()

        return signature, emit

    return add


def space(size):
    """Return a function that gives a piece of its caller's stack, an array of float32."""
    kind = types.Array(types.float32, 1, "C")

    @intrinsic
    def take(context_):
        def emit(context, builder, signature, given):
            made = context.make_array(kind)(context, builder)
            # It has no owner: it goes with the stack.
            populate_array(
                made,
                data=cgutils.alloca_once(builder, _FLOAT, size=_INT64(size)),
                shape=[_INT64(size)],
                strides=[_INT64(4)],
                itemsize=_INT64(4),
                meminfo=None,
            )
            return made._getvalue()

        return kind(), emit

    return take


def _pointers(context, builder, signature, given):
    """Return where the first three arguments, which are arrays, begin."""
    return [
        context.make_array(kind)(context, builder, value).data
        for kind, value in zip(signature.args[:3], given[:3], strict=True)
    ]


def _offset(builder, at, distance, i):
    return builder.add(at, builder.mul(distance, _INT64(i)))


def _vector(builder, array, offset, vector):
    return builder.bitcast(builder.gep(array, [offset]), vector.as_pointer())


def _everywhere(builder, number, vector):
    """Return a vector of one number."""
    nothing = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(nothing, number, _INT32(0))
    return builder.shuffle_vector(
        first, nothing, ir.Constant(ir.VectorType(_INT32, vector.count), None)
    )


def _add(builder, total, left, right):
    # One instruction where the processor has one.
    return builder.fadd(total, builder.fmul(left, right, flags=_FLAGS), flags=_FLAGS)


def _loop(builder, count, values, body):
    """Repeat: `body` makes new values from an index and the values before; return the last."""
    before = builder.block
    head, inside, after = (builder.append_basic_block(name) for name in ("head", "body", "end"))
    builder.branch(head)
    builder.position_at_end(head)
    index = builder.phi(_INT64)
    index.add_incoming(_INT64(0), before)
    kept = [builder.phi(value.type) for value in values]
    for phi, value in zip(kept, values, strict=True):
        phi.add_incoming(value, before)
    builder.cbranch(builder.icmp_signed("<", index, count), inside, after)
    builder.position_at_end(inside)
    made = body(index, kept)
    index.add_incoming(builder.add(index, _INT64(1)), builder.block)
    for phi, value in zip(kept, made, strict=True):
        phi.add_incoming(value, builder.block)
    builder.branch(head)
    builder.position_at_end(after)
    return kept
