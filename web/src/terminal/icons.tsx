import { Icon } from '../parts/icon.tsx'

/** Smaller than those of pages: beside the text of a tab. */
const SIZE = 18

export const PlusIcon = () => (
  <Icon size={SIZE}>
    <path d="M10 4.5v11M4.5 10h11" />
  </Icon>
)

export const CloseIcon = () => (
  <Icon size={SIZE}>
    <path d="m6 6 8 8m0-8-8 8" />
  </Icon>
)

export const SplitIcon = () => (
  <Icon size={SIZE}>
    <rect x="3" y="4" width="14" height="12" rx="1.5" />
    <path d="M10 4v12" />
  </Icon>
)

export const FindIcon = () => (
  <Icon size={SIZE}>
    <circle cx="9" cy="9" r="4.5" />
    <path d="m12.5 12.5 4 4" />
  </Icon>
)

export const MoreIcon = () => (
  <Icon size={SIZE}>
    <path d="M10 5v.1M10 10v.1M10 15v.1" strokeWidth="2.6" />
  </Icon>
)

export const UpIcon = () => (
  <Icon size={SIZE}>
    <path d="m5 12 5-5 5 5" />
  </Icon>
)

export const DownIcon = () => (
  <Icon size={SIZE}>
    <path d="m5 8 5 5 5-5" />
  </Icon>
)
