import { useTranslation } from 'react-i18next'
import { DAYS, DOORS, type Scope, type TimeWindow } from '../api/rules.ts'
import { Field } from '../parts/field.tsx'
import { readNames } from './patterns.ts'

type Change = (part: Partial<Scope>) => void

/** Where a rule holds; what is empty is everywhere. */
export function ScopeFields({
  scope,
  change,
  always,
}: {
  scope: Scope
  change: Change
  /** At every door, at any time: the scope of what a session is from its start. */
  always?: boolean
}) {
  const { t } = useTranslation()
  const names = (key: 'users' | 'groups' | 'roles' | 'servers' | 'tags' | 'accounts') => (
    <Field
      label={t(`rules.scope.${key}`)}
      placeholder={t('rules.scope.every')}
      autoCapitalize="none"
      autoComplete="off"
      spellCheck={false}
      defaultValue={(scope[key] ?? []).join(', ')}
      onChange={(event) => change({ [key]: readNames(event.target.value) })}
    />
  )
  const doors = new Set(scope.doors)
  const toggle = (door: (typeof DOORS)[number]) => {
    if (!doors.delete(door)) doors.add(door)
    change({ doors: [...doors] })
  }
  return (
    <>
      <div className="pair">
        {names('users')}
        {names('groups')}
      </div>
      <div className="pair">
        {names('servers')}
        {names('tags')}
      </div>
      <div className="pair">
        {names('accounts')}
        {names('roles')}
      </div>
      {!always && (
        <>
          <fieldset className="checks">
            <legend>{t('rules.scope.doors')}</legend>
            {DOORS.map((door) => (
              <label key={door}>
                <input type="checkbox" checked={doors.has(door)} onChange={() => toggle(door)} />
                {t(`rules.door.${door}`)}
              </label>
            ))}
          </fieldset>
          <Times times={scope.times ?? []} change={(times) => change({ times })} />
        </>
      )}
    </>
  )
}

const here = () => Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC'

function Times({ times, change }: { times: TimeWindow[]; change: (times: TimeWindow[]) => void }) {
  const { t } = useTranslation()
  const put = (at: number, part: Partial<TimeWindow>) =>
    change(times.map((one, index) => (index === at ? { ...one, ...part } : one)))
  return (
    <fieldset className="times">
      <legend>{t('rules.scope.times')}</legend>
      {times.map((window, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a window has no name; it is edited at its place
        <div key={at} className="time-window">
          <span className="days">
            {DAYS.map((day) => {
              const days = new Set(window.days)
              return (
                <label key={day}>
                  <input
                    type="checkbox"
                    checked={days.has(day)}
                    onChange={() => {
                      if (!days.delete(day)) days.add(day)
                      put(at, { days: DAYS.filter((one) => days.has(one)) })
                    }}
                  />
                  {t(`rules.day.${day}`)}
                </label>
              )
            })}
          </span>
          {(['from', 'to'] as const).map((end) => (
            <input
              key={end}
              className="input small"
              aria-label={t(`rules.time.${end}`)}
              placeholder="HH:MM"
              pattern="([01]\d|2[0-4]):[0-5]\d"
              value={window[end]}
              onChange={(event) => put(at, { [end]: event.target.value })}
            />
          ))}
          <input
            className="input small"
            aria-label={t('rules.time.zone')}
            value={window.zone}
            onChange={(event) => put(at, { zone: event.target.value.trim() })}
          />
          <button
            type="button"
            className="quiet danger"
            onClick={() => change(times.filter((_, index) => index !== at))}
          >
            {t('rules.time.remove')}
          </button>
        </div>
      ))}
      <button
        type="button"
        className="quiet"
        onClick={() => change([...times, { days: [], from: '22:00', to: '06:00', zone: here() }])}
      >
        {t('rules.time.add')}
      </button>
    </fieldset>
  )
}
