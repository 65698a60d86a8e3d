import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { CommandGroup, Match } from '../api/rules.ts'
import { Area } from '../parts/area.tsx'
import { Toggle } from '../parts/field.tsx'
import { lines, PatternError, readArguments, readNamed, writeArguments, writeNamed } from './patterns.ts'
import { textIn } from './words.tsx'

type Change = (part: Partial<Match>) => void

/** What commands are meant. Fields that say nothing are not shown until somebody wants more. */
export function MatchFields({
  match,
  change,
  groups,
  refuse,
}: {
  match: Match
  change: Change
  /** Those that may be chosen; none for a command of a group. */
  groups: readonly CommandGroup[]
  /** Whether something cannot be read. */
  refuse: (wrong: boolean) => void
}) {
  const { t } = useTranslation()
  const [args, setArgs] = useState(() => writeArguments(match.arguments))
  const [wrong, setWrong] = useState<number | null>(null)
  const list = (key: 'paths' | 'redirect_to' | 'line' | 'device', placeholder: string) => (
    <Area
      label={t(`rules.match.${key}`)}
      code
      placeholder={placeholder}
      defaultValue={(match[key] ?? []).join('\n')}
      onChange={(event) => change({ [key]: lines(event.target.value) })}
    />
  )
  const takeArguments = (text: string) => {
    setArgs(text)
    try {
      change({ arguments: readArguments(text) })
      setWrong(null)
      refuse(false)
    } catch (error) {
      if (!(error instanceof PatternError)) throw error
      setWrong(error.line)
      refuse(true)
    }
  }
  const { paths, environment, redirect_to, line, device, non_ascii, ignore_case } = match
  const more = [paths, environment, redirect_to, line, device].some((one) => one?.length)
  return (
    <>
      {groups.length > 0 && <Groups match={match} change={change} groups={groups} />}
      <Area
        label={t('rules.match.programs')}
        hint={t('rules.match.programs.hint')}
        code
        placeholder={'mkfs*\n/usr/sbin/fdisk'}
        defaultValue={writeNamed(match.programs)}
        onChange={(event) => change({ programs: readNamed(event.target.value) })}
      />
      <Area
        label={t('rules.match.arguments')}
        hint={t('rules.match.arguments.hint')}
        error={wrong === null ? null : t('rules.match.arguments.wrong', { line: wrong })}
        code
        placeholder={'-r --recursive\n/^\\/(etc|srv)/'}
        value={args}
        onChange={(event) => takeArguments(event.target.value)}
      />
      <details className="advanced" open={more || non_ascii || ignore_case || undefined}>
        <summary>{t('rules.match.more')}</summary>
        <div className="form">
          {list('paths', '/opt/**')}
          {list('redirect_to', '/etc/**')}
          {list('line', 'rm\\s+-rf\\s+/')}
          {list('device', 'reset saved-configuration')}
          <Area
            label={t('rules.match.environment')}
            code
            placeholder="LD_*"
            defaultValue={writeNamed(environment)}
            onChange={(event) => change({ environment: readNamed(event.target.value) })}
          />
          <Toggle
            label={t('rules.match.ignore_case')}
            on={ignore_case ?? false}
            turn={(on) => change({ ignore_case: on })}
          />
          <Toggle
            label={t('rules.match.non_ascii')}
            on={non_ascii ?? false}
            turn={(on) => change({ non_ascii: on })}
          />
          <Toggle label={t('rules.match.any')} on={match.any ?? false} turn={(on) => change({ any: on })} />
        </div>
      </details>
    </>
  )
}

function Groups({
  match,
  change,
  groups,
}: {
  match: Match
  change: Change
  groups: readonly CommandGroup[]
}) {
  const { t } = useTranslation()
  const chosen = new Set(match.groups)
  const toggle = (id: string) => {
    if (!chosen.delete(id)) chosen.add(id)
    change({ groups: [...chosen] })
  }
  return (
    <fieldset className="checks">
      <legend>{t('rules.match.groups')}</legend>
      {groups.map(({ id, name }) => (
        <label key={id}>
          <input type="checkbox" checked={chosen.has(id)} onChange={() => toggle(id)} />
          {textIn(name) || id}
        </label>
      ))}
    </fieldset>
  )
}
