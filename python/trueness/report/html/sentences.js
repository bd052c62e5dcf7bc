// The diagnosis and why rows fail in another language: the sentences are made in English, elsewhere.

// `sentences`: by English, with {0} for what stays as it is and [0] for a part that is translated in
// turn. What is not in the list stays English.
function translator(sentences) {
  const escaped = (text) => text.replace(/[.*+?^$()|{}[\]\\]/g, "\\$&");
  const patterns = Object.entries(sentences).map(([english, other]) => {
    const parts = english.split(/\{\d\}|\[\d\]/).map(escaped);
    return [new RegExp(`^${parts.join("(.*?)")}$`, "s"), other];
  });
  const translated = (text) => {
    const parts = text.split("; ");
    if (parts.length > 1) return parts.map(translated).join("；");
    for (const [pattern, other] of patterns) {
      const found = pattern.exec(text);
      if (!found) continue;
      return other.replace(/\{(\d)\}|\[(\d)\]/g, (_, same, part) =>
        same ? found[Number(same) + 1] : translated(found[Number(part) + 1]));
    }
    return text;
  };
  return translated;
}
