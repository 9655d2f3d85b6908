/** Characters that stand in two columns of a terminal: Unicode's East Asian Width W and F, and emoji. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{18dff}\u{1b000}-\u{1b2ff}\u{1f200}-\u{1f265}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u

/** Marks that are drawn over the character before them. */
const NO_ROOM = /[\p{Mn}\p{Me}]/u

/** Columns that one character takes. */
export const characterWidth = (character: string): number =>
  NO_ROOM.test(character) ? 0 : WIDE.test(character) ? 2 : 1

/** Columns that a text takes in a terminal; it has neither control characters nor escape sequences. */
export function textWidth(text: string): number {
  let columns = 0
  for (const character of text) columns += characterWidth(character)
  return columns
}
