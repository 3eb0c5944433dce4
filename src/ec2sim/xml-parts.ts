/** The pieces that EC2's XML is put together from: leaves, lists, times, tags. An empty value has no element. */
import type { Tags } from '../sim/ec2/index.ts';

const escapes: ReadonlyMap<string, string> = new Map([
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
  ['"', '&quot;'],
  ["'", '&apos;'],
  ['\r', '&#13;'],
]);

export function escapeXml(value: string): string {
  return /[&<>"'\r]/.test(value)
    ? value.replaceAll(/[&<>"'\r]/g, (character) => escapes.get(character) ?? character)
    : value;
}

export function leaf(name: string, value: string | number | boolean | null | undefined): string {
  if (value === null || value === undefined || value === '') return '';
  return `<${name}>${typeof value === 'string' ? escapeXml(value) : value}</${name}>`;
}

export function items<T>(name: string, values: readonly T[], write: (value: T) => string): string {
  return `<${name}>${values.map((value) => `<item>${write(value)}</item>`).join('')}</${name}>`;
}

/** Instances of one launch share their instant and their tags: the text made last is the one wanted next. */
function rememberLast<T>(write: (value: T) => string): (value: T) => string {
  let last: { readonly value: T; readonly text: string } | null = null;
  return (value) => {
    if (last === null || last.value !== value) last = { value, text: write(value) };
    return last.text;
  };
}

export const time = rememberLast((instant: number) => new Date(instant).toISOString());

export const tagSet = rememberLast((tags: Tags) => {
  const entries = Object.entries(tags);
  if (entries.length === 0) return '';
  return items('tagSet', entries, ([key, value]) => {
    return `<key>${escapeXml(key)}</key><value>${escapeXml(value)}</value>`;
  });
});
