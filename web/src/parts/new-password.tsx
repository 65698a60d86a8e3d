import { useTranslation } from 'react-i18next'
import type { Problem } from '../api/client.ts'
import { Field } from './field.tsx'
import { LONGEST, passwordFault, passwordStrength, SHORTEST } from './password.ts'

export interface TwoPasswords {
  first: string
  second: string
}

/** Whether the two may be sent. */
export function passwordsFit({ first, second }: TwoPasswords, username: string): boolean {
  return passwordFault(first, username) === null && first === second
}

/** A new password, twice; says the rule before and what is wrong while typing. */
export function NewPassword({
  username,
  passwords,
  change,
  problem,
}: {
  username: string
  passwords: TwoPasswords
  change: (passwords: TwoPasswords) => void
  problem: Problem | null
}) {
  const { t } = useTranslation()
  const { first, second } = passwords
  const fault = first ? passwordFault(first, username) : null
  const refused = problem?.kind === 'weak_password' ? problem.message || t('password.common') : null
  const strength = passwordStrength(first, username)
  return (
    <>
      {/* Password stores file what follows under this name. */}
      <input type="text" name="username" autoComplete="username" value={username} readOnly hidden />
      <Field
        label={t('password.new')}
        type="password"
        name="new-password"
        autoComplete="new-password"
        required
        value={first}
        onChange={(event) => change({ first: event.target.value, second })}
        error={refused ?? (fault && fault !== 'short' ? t(`password.fault.${fault}`) : null)}
        hint={
          <>
            <span>{t('password.rule', { least: SHORTEST, most: LONGEST })}</span>
            <span className={`strength s${strength}`} role="status">
              <i aria-hidden="true" />
              {first &&
                (fault === 'short'
                  ? t('password.left', { count: SHORTEST - [...first].length })
                  : t(`password.strength.${WORDS[strength]}`))}
            </span>
          </>
        }
      />
      <Field
        label={t('password.again')}
        type="password"
        name="new-password-again"
        autoComplete="new-password"
        required
        value={second}
        onChange={(event) => change({ first, second: event.target.value })}
        error={second && !first.startsWith(second) ? t('password.differ') : null}
      />
    </>
  )
}

const WORDS = ['none', 'weak', 'fair', 'good', 'strong'] as const
