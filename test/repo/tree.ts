/** The repository as its own tests see it: the files that git knows or would take, and their texts. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';

export const root = join(import.meta.dirname, '../..');

/** Paths relative to the root, ignored files left out. */
export const files: readonly string[] = execFileSync(
  'git',
  ['-c', 'safe.directory=*', 'ls-files', '--cached', '--others', '--exclude-standard'],
  { cwd: root, encoding: 'utf8' },
)
  .split('\n')
  .filter((path) => path !== '' && existsSync(join(root, path)));

export function textOf(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

/** The files that a TypeScript file imports, lazily or not, by its text. Packages are left out. */
export function importsOf(path: string): string[] {
  const text = textOf(path);
  const specifiers = [
    ...text.matchAll(/^(?:import|export|\})[^'"`;=]*\bfrom '(\.\.?\/[^']+)'/gm),
    ...text.matchAll(/\bawait import\('(\.[^']+)'\)/g),
  ];
  return specifiers.map(([, to = '']) => posix.normalize(posix.join(posix.dirname(path), to)));
}

/** Everything that can be reached by imports. */
export function reachableFrom(entries: readonly string[]): ReadonlySet<string> {
  const reached = new Set(entries);
  for (const path of reached) for (const target of importsOf(path)) reached.add(target);
  return reached;
}

/** `## Some heading` as the fragment that links to it. */
export function fragmentsOf(markdown: string): string[] {
  const headings = markdown.matchAll(/^#{1,6}\s+(.+)$/gm);
  return [...headings].map(([, text = '']) =>
    text
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(/\s/g, '-'),
  );
}
