/** A word as it is typed in a POSIX shell: in single quotes where the shell would read it otherwise. */
export const shellWord = (word: string): string =>
  /^[\w%+,./:@=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
