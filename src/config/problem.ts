/**
 * What is wrong with a configuration, or worth knowing about it, with the place in the file.
 *
 * A problem makes the configuration unusable and always says what would be right. A notice does not. Both point at
 * a file, and at a line and column counted from 1 where there is one (a missing file has none). This module only
 * holds and prints them; the readers beside it make them.
 */

export interface Problem {
  readonly file: string;
  readonly line: number | null;
  readonly column: number | null;
  readonly message: string;
  /** What would be right, or what to do. */
  readonly hint: string;
  /** The line it stands on, as it is in the file; null where there is none. */
  readonly sourceLine: string | null;
}

export interface Notice {
  /** `warning`: probably not what was meant. `note`: worth knowing. */
  readonly severity: 'warning' | 'note';
  readonly file: string;
  readonly line: number | null;
  readonly column: number | null;
  readonly message: string;
}

/** A place in a file, counted from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A value with the place it came from. */
export interface Located<T> {
  readonly value: T;
  /** As the file spells it. */
  readonly key: string;
  readonly file: string;
  readonly position: Position;
}

/** A file's text, and its lines for showing them. */
export interface SourceText {
  readonly file: string;
  readonly text: string;
  readonly lines: readonly string[];
}

/** Where the readers put what they find; all of it is reported, not only the first. */
export interface Findings {
  readonly errors: Problem[];
  readonly notices: Notice[];
}

export function emptyFindings(): Findings {
  return { errors: [], notices: [] };
}

export function sourceText(file: string, text: string): SourceText {
  return { file, text, lines: text.split(/\r\n|\n|\r/) };
}

/** More of a line than this helps nobody. */
const keptColumns = 500;

export function problemAt(
  source: SourceText,
  position: Position,
  said: { message: string; hint: string },
): Problem {
  return {
    file: source.file,
    line: position.line,
    column: position.column,
    message: said.message,
    hint: said.hint,
    sourceLine: source.lines[position.line - 1]?.slice(0, keptColumns) ?? null,
  };
}

/** A problem with a file as a whole, or with something that is no file. */
export function problemWith(file: string, said: { message: string; hint: string }): Problem {
  return {
    file,
    line: null,
    column: null,
    message: said.message,
    hint: said.hint,
    sourceLine: null,
  };
}

const shownColumns = 120;

/**
 * `file:line:column: message`, then the hint and, for an error, the source line with a caret. Several lines, no
 * newline at the end. Control characters from the file are shown as `?`, so that a file cannot steer the terminal.
 */
export function formatProblem(item: Problem | Notice): string {
  const place = [item.file, item.line, item.column].filter((part) => part !== null).join(':');
  if ('severity' in item) return printable(`${place}: ${item.severity}: ${item.message}`);
  const lines = [printable(`${place}: ${item.message}`), printable(`    ${item.hint}`)];
  if (item.sourceLine !== null && item.line !== null && item.column !== null) {
    lines.push(...caret(item.sourceLine, item.line, item.column));
  }
  return lines.join('\n');
}

function caret(sourceLine: string, line: number, column: number): string[] {
  if (sourceLine.trim() === '' || column > shownColumns) return [];
  const number = String(line).padStart(5);
  return [
    `${number} | ${printable(sourceLine).slice(0, shownColumns)}`,
    `${' '.repeat(number.length)} | ${' '.repeat(column - 1)}^`,
  ];
}

function printable(text: string): string {
  // A tab would shift the caret; the other control characters could steer the terminal.
  // oxlint-disable-next-line no-control-regex
  return text.replaceAll('\t', ' ').replaceAll(/[\u0000-\u001F\u007F-\u009F\u2028\u2029]/g, '?');
}
