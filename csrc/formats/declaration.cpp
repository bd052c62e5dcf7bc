#include "formats/declaration.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "formats/axis_order.hpp"
#include "formats/layout.hpp"
#include "formats/shape.hpp"

namespace trueness {
namespace {

using Dims = std::vector<std::uint64_t>;

constexpr auto kMaxDim = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

std::vector<std::int64_t> shown(const DeclaredShape& shape) {
    std::vector<std::int64_t> dims;
    dims.reserve(shape.dims.size());
    for (const std::uint64_t dim : shape.dims) {
        dims.push_back(dim > kMaxDim ? -1 : static_cast<std::int64_t>(dim));
    }
    return dims;
}

bool is_known(const DeclaredShape& shape) {
    return shape.rank <= kMaxRank && std::all_of(shape.dims.begin(), shape.dims.end(),
                                                 [](std::uint64_t dim) { return dim <= kMaxDim; });
}

class Describer {
public:
    Describer(const Declaration& declared, const std::shared_ptr<const ByteSource>& source,
              Diagnostics& diagnostics)
        : declared_(declared), diagnostics_(diagnostics) {
        tensor_.name = declared.name;
        tensor_.io = declared.io;
        tensor_.index = declared.index;
        tensor_.dtype = declared.dtype.name;
        tensor_.dtype_code = declared.dtype_code;
        tensor_.format = ge_format_name(declared.format);
        tensor_.shape = shown(declared.shape);
        tensor_.has_original_shape = declared.original_shape.has_value();
        if (declared.original_shape) tensor_.original_shape = shown(*declared.original_shape);
        tensor_.view.source = source;
        tensor_.view.offset = declared.bytes.offset;
        tensor_.view.nbytes = declared.bytes.size;
        tensor_.view.dtype = declared.dtype.decode;
    }

    TensorInfo run() {
        if (declared_.has_null_address) {
            tensor_.dumped = false;
            tensor_.view.nbytes = 0;
            unreadable("its device address is null, so its bytes were never written");
        } else if (declared_.is_undefined) {
            tensor_.view.walk = contiguous_walk({declared_.bytes.size});
        } else if (const std::optional<Dims> stored = stored_shape()) {
            if (enough_bytes(*stored)) lay_out(*stored);
        }
        if (!tensor_.readable) tensor_.view.dtype = DType::kRaw;
        return std::move(tensor_);
    }

private:
    void suspect(const std::string& text) {
        if (!tensor_.problem.empty()) tensor_.problem += "; ";
        tensor_.problem += "byte " + std::to_string(declared_.position) + ": " + text;
    }

    void unreadable(const std::string& text) {
        suspect(text);
        tensor_.readable = false;
    }

    // Not packed_bytes: that counts bits, which overflow for what a header can claim.
    std::optional<std::uint64_t> bytes_of(const Dims& shape) const {
        const std::uint64_t bits = info(declared_.dtype.decode).bits;
        const std::uint64_t element = std::max<std::uint64_t>(bits / 8, 1);
        const std::optional<std::uint64_t> count = countable(shape, element);
        if (!count || bits == 0) return count;
        return bits < 8 ? ceil_divide(*count, 8 / bits) : *count * element;
    }

    const Dims* known_original() const {
        if (!declared_.original_shape || declared_.original_shape->dims.empty()) return nullptr;
        return is_known(*declared_.original_shape) ? &declared_.original_shape->dims : nullptr;
    }

    // The shape the bytes have; nothing when there is no telling.
    std::optional<Dims> stored_shape() {
        const DeclaredShape& shape = declared_.shape;
        if (shape.rank > kMaxRank) {
            unreadable("expected at most " + std::to_string(kMaxRank) + " dims, found " +
                       std::to_string(shape.rank));
            return std::nullopt;
        }
        if (is_known(shape)) return shape.dims;
        const std::string text =
            "expected dims of at most 2^63 - 1, found " + shape_text(tensor_.shape);
        const Dims* original = known_original();
        const bool same_order = declared_.format == kND || declared_.format == kNCHW;
        if (original != nullptr && same_order && bytes_of(*original) == declared_.bytes.size) {
            suspect(text + ": original_shape, which fits the bytes, was used");
            return *original;
        }
        unreadable(text);
        return std::nullopt;
    }

    bool enough_bytes(const Dims& stored) {
        const std::string what = tensor_.dtype + " " + shape_text(tensor_.shape);
        const std::uint64_t found = declared_.bytes.size;
        const std::optional<std::uint64_t> needed = bytes_of(stored);
        if (!needed) {
            unreadable("expected fewer than 2^63 bytes, found shape " + shape_text(tensor_.shape) +
                       " of " + tensor_.dtype);
        } else if (declared_.dtype.decode == DType::kRaw) {
            tensor_.view.walk = contiguous_walk(stored);
            unreadable(declared_.dtype.problem);
        } else if (*needed > 0 && found == 0) {
            tensor_.dumped = false;
            unreadable("expected " + std::to_string(*needed) + " bytes for " + what +
                       ", found size 0: not dumped");
        } else if (*needed > found && !is_slice()) {
            unreadable("expected at least " + std::to_string(*needed) + " bytes for " + what +
                       ", found size " + std::to_string(found));
        } else if (*needed == 0 && found > 0) {
            suspect("expected no bytes for " + what + ", found size " + std::to_string(found));
        }
        return tensor_.readable;
    }

    bool is_slice() const {
        return declared_.slice && bytes_of(*declared_.slice) == declared_.bytes.size;
    }

    void lay_out(Dims stored) {
        if (*bytes_of(stored) > declared_.bytes.size) {
            warn("only the slice of one thread was dumped");
            tensor_.view.walk = contiguous_walk(*declared_.slice);
            return;
        }
        Layout layout;
        layout.format = declared_.format;
        layout.groups = declared_.groups;
        layout.device = std::move(stored);
        if (const Dims* original = known_original()) layout.original = *original;
        layout.origin = declared_.origin_format;
        layout.element_units = std::max(info(tensor_.view.dtype).bits / 8, 1U);
        LogicalOrder order = logical_order(layout);
        if (!order.problem.empty()) suspect(order.problem);
        if (!order.note.empty()) warn(order.note);
        if (declared_.original_shape && !is_known(*declared_.original_shape)) {
            suspect("original_shape " + shape_text(tensor_.original_shape) +
                    (declared_.original_shape->rank > kMaxRank ? " has too many dims"
                                                               : " has an unknown dim"));
        }
        tensor_.view.walk = std::move(order.walk);
    }

    void warn(const std::string& text) {
        diagnostics_.warn(declared_.position, tensor_label(tensor_.io, tensor_.index), text);
    }

    const Declaration& declared_;
    Diagnostics& diagnostics_;
    TensorInfo tensor_;
};

}  // namespace

TensorInfo describe(const Declaration& declared, const std::shared_ptr<const ByteSource>& source,
                    Diagnostics& diagnostics) {
    return Describer(declared, source, diagnostics).run();
}

}  // namespace trueness
