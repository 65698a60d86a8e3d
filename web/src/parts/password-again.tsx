import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Problem } from '../api/client.ts'
import { DialogForm } from './dialog-form.tsx'
import { Field } from './field.tsx'

/** A question that is answered with the password: a browser that was left open is not enough. */
export function PasswordAgain({
  title,
  yes,
  needed,
  danger,
  ready = true,
  words,
  act,
  close,
  children,
}: {
  title: string
  /** What the button says that does it. */
  yes: string
  /** They have a password. */
  needed: boolean
  danger?: boolean
  /** All else is filled in. */
  ready?: boolean
  /** As of a form over the page. */
  words?: (problem: Problem) => ReactNode | undefined
  act: (password: string) => Promise<unknown>
  close: () => void
  children: ReactNode
}) {
  const { t } = useTranslation()
  const [password, setPassword] = useState('')
  const wrong = (problem: Problem | null) => problem?.kind === 'bad_credentials'
  return (
    <DialogForm
      title={title}
      yes={yes}
      danger={danger ?? false}
      ready={ready && (!needed || password !== '')}
      words={(problem) => (wrong(problem) ? null : words?.(problem))}
      act={() => act(password)}
      close={close}
    >
      {(problem) => (
        <>
          {children}
          {needed && (
            <Field
              label={t('factors.password')}
              type="password"
              name="password"
              autoComplete="current-password"
              required
              value={password}
              onChange={(event) => setPassword(event.target.value)}
              error={wrong(problem) ? t('password.wrong') : null}
            />
          )}
        </>
      )}
    </DialogForm>
  )
}
