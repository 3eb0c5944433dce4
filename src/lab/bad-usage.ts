/** What the person who called gave wrongly: the command ends with exit code 2, not with that of something that failed. */
export class BadUsage extends Error {
  override readonly name = 'BadUsage';
}
