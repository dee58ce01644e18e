/** What `trackrelay config` shows: every setting, its value (a secret only as set or not), where it came from. */
import type { Environment } from './environment.ts';
import { givenText, mixpanelUrls, type Region } from './settings.ts';
import { type SettingName, settingNames, settingRow } from './settings-table.ts';
import { withoutCredentials } from './shown.ts';

export type SettingLine = {
  readonly name: string;
  /** As written; `[set]` for a secret; null when unset. */
  readonly value: string | null;
  readonly from: 'default' | 'environment' | 'file' | 'problem';
  readonly default: string | null;
  readonly meaning: string;
  readonly secret: boolean;
};

/** Never throws: what is wrong with a value is said by `readSettings`. */
export function describeSettings(env: Environment): readonly SettingLine[] {
  return settingNames.map((name) => {
    const row = settingRow(name);
    const given = givenText(env, name);
    return {
      name,
      value: given.from === 'problem' ? null : valueShown(env, name, given.text),
      from: given.from,
      default: row.default ?? row.unset ?? null,
      meaning: row.meaning,
      secret: row.secret ?? false,
    };
  });
}

function valueShown(env: Environment, name: SettingName, text: string | null): string | null {
  if (text !== null) return settingRow(name).secret ? '[set]' : withoutCredentials(text);
  if (name !== 'MIXPANEL_API_URL') return null;
  const region = givenText(env, 'MIXPANEL_REGION');
  return region.from === 'problem' ? null : (mixpanelUrls[region.text as Region] ?? null);
}
