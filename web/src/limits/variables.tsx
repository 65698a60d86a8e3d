import { useTranslation } from 'react-i18next'
import type { DraftVariable } from './draft.ts'

/** Variables of every session. The value of a secret one is only ever typed. */
export function Variables({
  variables,
  fault,
  change,
}: {
  variables: readonly DraftVariable[]
  fault: (place: string) => string | null
  change: (variables: DraftVariable[]) => void
}) {
  const { t } = useTranslation()
  const put = (at: number, part: Partial<DraftVariable>) =>
    change(variables.map((one, index) => (index === at ? { ...one, ...part } : one)))
  const add = () => {
    const key = Math.max(-1, ...variables.map((one) => one.key)) + 1
    change([...variables, { key, name: '', value: '', kept: false }])
  }
  const whole = variables.length === 0 ? fault('environment') : null
  return (
    <fieldset className="limits-group">
      <legend>{t('limits.environment')}</legend>
      {variables.map((variable, at) => {
        const wrong = fault(`environment[${at}].name`) ?? fault(`environment[${at}].value`)
        return (
          <div key={variable.key} className={wrong ? 'variable wrong' : 'variable'}>
            <input
              className="input code"
              aria-label={t('limits.variable.name', { n: at + 1 })}
              aria-invalid={wrong ? true : undefined}
              placeholder="NAME"
              autoCapitalize="none"
              autoComplete="off"
              spellCheck={false}
              value={variable.name}
              // A secret stays with the name that it was written under.
              onChange={(event) => put(at, { name: event.target.value, kept: false })}
            />
            <input
              className="input code"
              aria-label={t('limits.variable.value', { n: at + 1 })}
              type={variable.secret ? 'password' : 'text'}
              placeholder={variable.kept ? t('limits.variable.kept') : ''}
              autoComplete="off"
              spellCheck={false}
              value={variable.value ?? ''}
              onChange={(event) => put(at, { value: event.target.value })}
            />
            <label>
              <input
                type="checkbox"
                checked={variable.secret ?? false}
                onChange={(event) => put(at, { secret: event.target.checked, kept: false })}
              />
              {t('limits.variable.secret')}
            </label>
            <button
              type="button"
              className="quiet danger"
              aria-label={t('limits.variable.remove', { name: variable.name })}
              onClick={() => change(variables.filter((_, index) => index !== at))}
            >
              {t('rules.remove')}
            </button>
            {wrong && (
              <p className="field-error" role="alert">
                {wrong}
              </p>
            )}
          </div>
        )
      })}
      {whole && (
        <p className="field-error" role="alert">
          {whole}
        </p>
      )}
      <p className="soft">{t('limits.environment.hint')}</p>
      <button type="button" className="quiet" onClick={add}>
        {t('limits.variable.add')}
      </button>
    </fieldset>
  )
}
