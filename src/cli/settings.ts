/** The settings of commands that ask a relay or work beside one. */
import { environment } from '../config/environment.ts';
import { readSettings, type Settings } from '../config/settings.ts';

/** As `serve` reads them; but who holds only the token that may read has made no mistake here. */
export function settingsHere(): Settings {
  const { RELAY_ADMIN_READ_TOKEN: token, RELAY_ADMIN_READ_TOKEN_FILE: file, ...rest } = environment();
  if (rest.RELAY_ADMIN_TOKEN || rest.RELAY_ADMIN_TOKEN_FILE) return readSettings(environment());
  return readSettings({ ...rest, RELAY_ADMIN_TOKEN: token, RELAY_ADMIN_TOKEN_FILE: file });
}
