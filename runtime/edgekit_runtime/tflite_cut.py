"""Cutting one operator at a time out of a `.tflite` file, in place, with the standard library alone.

A FlatBuffer is read by its offsets (FlatBuffers, "FlatBuffer Internals"); the fields are those of TensorFlow
Lite's schema.fbs. A cut leaves every table where it is: the list of operators is shortened to one, and new lists
of inputs and outputs are written behind the end.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from edgekit_runtime.errors import ModelError

# Places of fields in their tables.
MODEL_CODES, MODEL_GRAPHS, MODEL_BUFFERS = 1, 2, 4
GRAPH_TENSORS, GRAPH_INPUTS, GRAPH_OUTPUTS, GRAPH_OPERATORS = 0, 1, 2, 3
OPERATOR_CODE, OPERATOR_INPUTS, OPERATOR_OUTPUTS = 0, 1, 2
CODE_OLD, CODE_CUSTOM, CODE_BUILTIN = 0, 1, 3  # files up to 127 operators wrote the old one alone
TENSOR_BUFFER, TENSOR_NAME, TENSOR_VARIABLE = 2, 3, 5
BUFFER_DATA, BUFFER_SIZE = 0, 2  # the size is of data that lies behind the FlatBuffer
CUSTOM = 32
# BuiltinOperator of schema.fbs, by number.
KINDS = """
ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE EMBEDDING_LOOKUP FLOOR
FULLY_CONNECTED HASHTABLE_LOOKUP L2_NORMALIZATION L2_POOL_2D LOCAL_RESPONSE_NORMALIZATION LOGISTIC
LSH_PROJECTION LSTM MAX_POOL_2D MUL RELU RELU_N1_TO_1 RELU6 RESHAPE RESIZE_BILINEAR RNN SOFTMAX SPACE_TO_DEPTH
SVDF TANH CONCAT_EMBEDDINGS SKIP_GRAM CALL CUSTOM EMBEDDING_LOOKUP_SPARSE PAD UNIDIRECTIONAL_SEQUENCE_RNN GATHER
BATCH_TO_SPACE_ND SPACE_TO_BATCH_ND TRANSPOSE MEAN SUB DIV SQUEEZE UNIDIRECTIONAL_SEQUENCE_LSTM STRIDED_SLICE
BIDIRECTIONAL_SEQUENCE_RNN EXP TOPK_V2 SPLIT LOG_SOFTMAX DELEGATE BIDIRECTIONAL_SEQUENCE_LSTM CAST PRELU MAXIMUM
ARG_MAX MINIMUM LESS NEG PADV2 GREATER GREATER_EQUAL LESS_EQUAL SELECT SLICE SIN TRANSPOSE_CONV SPARSE_TO_DENSE
TILE EXPAND_DIMS EQUAL NOT_EQUAL LOG SUM SQRT RSQRT SHAPE POW ARG_MIN FAKE_QUANT REDUCE_PROD REDUCE_MAX PACK
LOGICAL_OR ONE_HOT LOGICAL_AND LOGICAL_NOT UNPACK REDUCE_MIN FLOOR_DIV REDUCE_ANY SQUARE ZEROS_LIKE FILL
FLOOR_MOD RANGE RESIZE_NEAREST_NEIGHBOR LEAKY_RELU SQUARED_DIFFERENCE MIRROR_PAD ABS SPLIT_V UNIQUE CEIL
REVERSE_V2 ADD_N GATHER_ND COS WHERE RANK ELU REVERSE_SEQUENCE MATRIX_DIAG QUANTIZE MATRIX_SET_DIAG ROUND
HARD_SWISH IF WHILE NON_MAX_SUPPRESSION_V4 NON_MAX_SUPPRESSION_V5 SCATTER_ND SELECT_V2 DENSIFY SEGMENT_SUM
BATCH_MATMUL PLACEHOLDER_FOR_GREATER_OP_CODES CUMSUM CALL_ONCE BROADCAST_TO RFFT2D CONV_3D IMAG REAL COMPLEX_ABS
HASHTABLE HASHTABLE_FIND HASHTABLE_IMPORT HASHTABLE_SIZE REDUCE_ALL CONV_3D_TRANSPOSE VAR_HANDLE READ_VARIABLE
ASSIGN_VARIABLE BROADCAST_ARGS RANDOM_STANDARD_NORMAL BUCKETIZE RANDOM_UNIFORM MULTINOMIAL GELU
DYNAMIC_UPDATE_SLICE RELU_0_TO_1 UNSORTED_SEGMENT_PROD UNSORTED_SEGMENT_MAX UNSORTED_SEGMENT_SUM ATAN2
UNSORTED_SEGMENT_MIN SIGN BITCAST BITWISE_XOR RIGHT_SHIFT
""".split()  # noqa: SIM905  # names of one line each would fill four pages


@dataclass(frozen=True)
class CutOperator:
    """An operator of the main graph.

    Attributes:
        kind: Such as `CONV_2D`.
        name: Its first output's tensor.
        table: Where its table begins.
        inputs: Tensors that it reads and that a run must bring.
        outputs: Tensors that it writes.
    """

    kind: str
    name: str
    table: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


class CutFile:
    """A copy of a `.tflite` file that holds one of its operators at a time.

    Args:
        source: The file.
        target: Where the copy is written; it must not be read while `select` changes it.

    Raises:
        ModelError: It is not laid out as such files are.
    """

    def __init__(self, source: Path, target: Path) -> None:
        self.path = target
        self._data = source.read_bytes()
        try:
            self._root = self._follow(0)
            self._graph = self._items(self._field(self._root, MODEL_GRAPHS))[0]
            self._lists = tuple(self._need(self._graph, place) for place in (GRAPH_INPUTS, GRAPH_OUTPUTS))
            self._list = self._follow(self._need(self._graph, GRAPH_OPERATORS))
            self.operators = tuple(map(self._operator, self._items(self._field(self._graph, GRAPH_OPERATORS))))
        except (struct.error, IndexError, UnicodeDecodeError) as error:
            raise ModelError(f"{source}: it is not laid out as a .tflite file.") from error
        target.write_bytes(self._data)

    def select(self, operator: CutOperator) -> None:
        """Let the copy hold one operator and nothing else.

        Raises:
            ModelError: The operator lies before the list that would have to name it.
        """
        entry = self._list + 4
        if operator.table <= entry:
            raise ModelError("the file's tables lie in an order that cannot be cut.")
        tail = bytearray(-len(self._data) % 4)
        changes = {self._list: 1, entry: operator.table - entry}
        for at, tensors in zip(self._lists, (operator.inputs, operator.outputs)):
            changes[at] = len(self._data) + len(tail) - at
            tail += struct.pack(f"<I{len(tensors)}i", len(tensors), *tensors)
        with open(self.path, "r+b") as file:
            for at, value in changes.items():
                file.seek(at)
                file.write(struct.pack("<I", value))
            file.truncate(len(self._data))
            file.seek(len(self._data))
            file.write(tail)

    def _operator(self, table: int) -> CutOperator:
        inputs = self._integers(self._field(table, OPERATOR_INPUTS))
        outputs = self._integers(self._field(table, OPERATOR_OUTPUTS))
        tensors = self._items(self._field(self._graph, GRAPH_TENSORS))
        brought = tuple(dict.fromkeys(i for i in inputs if i >= 0 and self._is_brought(tensors[i])))
        name = self._text(self._field(tensors[outputs[0]], TENSOR_NAME)) if outputs else ""
        name = name.partition(";")[0]  # of those that a converter joins where it fuses operators
        return CutOperator(self._kind(table), name, table, brought, outputs)

    def _is_brought(self, tensor: int) -> bool:
        """Whether a run must bring a tensor: it is neither a constant nor a state."""
        variable = self._field(tensor, TENSOR_VARIABLE)
        if variable is not None and self._data[variable]:
            return False
        place = self._field(tensor, TENSOR_BUFFER)
        buffers = self._items(self._field(self._root, MODEL_BUFFERS))
        buffer = buffers[0 if place is None else self._number(place)]
        data, size = self._field(buffer, BUFFER_DATA), self._field(buffer, BUFFER_SIZE)
        inside = 0 if data is None else self._number(self._follow(data))
        outside = 0 if size is None else int(struct.unpack_from("<Q", self._data, size)[0])
        return inside == 0 and outside == 0

    def _kind(self, table: int) -> str:
        place = self._field(table, OPERATOR_CODE)
        code = self._items(self._field(self._root, MODEL_CODES))[0 if place is None else self._number(place)]
        old, new = self._field(code, CODE_OLD), self._field(code, CODE_BUILTIN)
        number = max(0 if old is None else self._data[old], 0 if new is None else self._number(new))
        if number == CUSTOM:
            return self._text(self._field(code, CODE_CUSTOM)) or KINDS[CUSTOM]
        return KINDS[number] if number < len(KINDS) else f"operator {number}"

    def _number(self, at: int) -> int:
        return int(struct.unpack_from("<I", self._data, at)[0])

    def _follow(self, at: int) -> int:
        return at + self._number(at)

    def _field(self, table: int, place: int) -> Optional[int]:
        """Where a table's field lies; `None` where the table leaves it out."""
        layout = table - int(struct.unpack_from("<i", self._data, table)[0])
        size = struct.unpack_from("<H", self._data, layout)[0]
        if 4 + 2 * place >= size:
            return None
        offset = struct.unpack_from("<H", self._data, layout + 4 + 2 * place)[0]
        return table + int(offset) if offset else None

    def _need(self, table: int, place: int) -> int:
        found = self._field(table, place)
        if found is None:
            raise IndexError(place)
        return found

    def _items(self, field: Optional[int]) -> Sequence[int]:
        """Where the tables of a list begin."""
        if field is None:
            return ()
        begin = self._follow(field)
        return [self._follow(begin + 4 + 4 * i) for i in range(self._number(begin))]

    def _integers(self, field: Optional[int]) -> tuple[int, ...]:
        if field is None:
            return ()
        begin = self._follow(field)
        return tuple(struct.unpack_from(f"<{self._number(begin)}i", self._data, begin + 4))

    def _text(self, field: Optional[int]) -> str:
        if field is None:
            return ""
        begin = self._follow(field)
        return self._data[begin + 4 : begin + 4 + self._number(begin)].decode("utf-8")
