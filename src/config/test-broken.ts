/** Broken files for the tests of this folder: what is wrong with each, and what is said of it. */
import { formatProblem } from './problem.ts';
import type { Problem } from './problem.ts';
import { load } from './test-files.ts';
import type { TestFiles } from './test-files.ts';

export interface Broken {
  /** The file's name: it says how the file is read. */
  readonly name: string;
  readonly content: string;
  /** Files that the broken one names, and that are right. */
  readonly beside?: Readonly<Record<string, string>>;
  readonly line: number;
  readonly column: number;
  /** Parts of what is said. */
  readonly message: string;
  readonly hint: string;
}

/** The one thing that is wrong with the file; throws if it is loaded, or refused for another number of things. */
export function soleError(files: TestFiles, broken: Broken): Problem {
  for (const [name, content] of Object.entries(broken.beside ?? {})) files.write(name, content);
  const result = load(files.write(broken.name, broken.content));
  if (result.kind !== 'refused') throw new Error('it was loaded');
  const [error, ...others] = result.errors;
  if (error !== undefined && others.length === 0) return error;
  throw new Error(`not one error:\n${result.errors.map(formatProblem).join('\n')}`);
}
