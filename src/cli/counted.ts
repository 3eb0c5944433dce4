/** A number with its noun, such as `1 instance`, `106 instances`. */

export function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}
