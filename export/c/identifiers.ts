const KEYWORDS: ReadonlySet<string> = new Set(
  (
    'auto break case char const continue default do double else enum extern float for goto if inline int long register ' +
    'restrict return short signed sizeof static struct switch typedef union unsigned void volatile while main'
  ).split(' '),
)
const LONGEST = 40

/** A C identifier for any name: letters, digits and underscores, never a keyword, never empty, starting with a letter. */
export function identifierOf(name: string): string {
  const plain = name
    .replace(/[^A-Za-z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '')
    .slice(0, LONGEST)
  return plain === '' || /^[0-9]/.test(plain) || KEYWORDS.has(plain) ? `model_${plain}`.replace(/_$/, '') : plain
}

/** Text that may stand in a C comment: printable ASCII without an end of comment, a line splice or a trigraph. */
export const commentText = (text: string): string =>
  text.replace(/[^\x20-\x7e]/g, '?').replace(/[\\?*/]/g, (c) => (c === '/' || c === '*' ? '|' : '.'))
