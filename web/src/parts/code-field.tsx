import { useTranslation } from 'react-i18next'
import { Field } from './field.tsx'

/** Six digits, however they are typed or pasted. */
export const digits = (typed: string) => typed.replace(/\D/g, '').slice(0, 6)

/** A code of an app. Browsers and telephones offer to fill it in. */
export function CodeField({
  code,
  change,
  error,
}: {
  code: string
  change: (code: string) => void
  error: string | null
}) {
  const { t } = useTranslation()
  return (
    <Field
      label={t('factors.code')}
      name="one-time-code"
      inputMode="numeric"
      autoComplete="one-time-code"
      autoFocus
      data-first
      required
      spellCheck={false}
      value={code}
      onChange={(event) => change(digits(event.target.value))}
      error={error}
    />
  )
}
